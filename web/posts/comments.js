// The thread under a post: a tree of comments. Updates keep the element of each comment.

import { get, patch, post as send, remove } from "../client/api.js";
import { isAtLeast } from "../client/roles.js";
import { currentUserId } from "../client/session.js";
import { announce, fill, flash, h } from "../elements/dom.js";
import { button, copyText, failureCard, reportError, skeletons, statusCard, toastDeleted } from "../elements/feedback.js";
import { openDialog } from "../elements/forms.js";
import { icon } from "../elements/icons.js";
import { menu } from "../elements/menus.js";
import { linkify, quantity, relativeTime } from "../elements/text.js";
import { avatar, nameOf, nameWithDetails, userName } from "../elements/users.js";
import { commentComposer } from "./composer.js";
import { gallery } from "./media.js";
import { reactionBar } from "./reactions.js";
import { refresher } from "./refresh.js";

const PAGE_SIZE = 100;
const MAX_DEPTH = 5; // comments at this depth have no reply button

/** Returns the thread of a post. `group()` returns the post's group. */
export function commentThread(postId, { group, signal }) {
  const nodes = new Map();
  const roots = h("ol", { class: "thread" });
  const end = h("div", { class: "list-end" });
  const element = h("section", { class: "comments", "aria-label": "Comments" }, roots, end);
  let cursor = null;

  async function load() {
    fill(end, nodes.size ? null : skeletons(2));
    roots.setAttribute("aria-busy", "true");
    try {
      await readAtLeast(nodes.size);
    } catch (problem) {
      if (!signal.aborted) fill(end, failureCard(problem, load));
    } finally {
      roots.removeAttribute("aria-busy");
    }
  }

  /** Reads pages from the first one until they hold `minimum` comments, and removes comments that no longer exist. */
  async function readAtLeast(minimum) {
    const seen = new Set();
    let page;
    do {
      page = await get(`/posts/${postId}/comments`, { limit: PAGE_SIZE, after: page?.next_cursor });
      if (signal.aborted) return;
      page.items.forEach((comment) => { seen.add(comment.id); insert(comment); });
    } while (page.next_cursor && seen.size < minimum);
    for (const id of [...nodes.keys()]) if (!seen.has(id)) drop(id);
    showEnd(page.next_cursor);
  }

  function showEnd(nextCursor) {
    cursor = nextCursor;
    if (cursor) fill(end, button("More comments", { icon: "down", run: loadMore }));
    else fill(end, !nodes.size && statusCard({ icon: "chat", title: "No comments yet", text: group().role ? "Write the first comment." : "Only members can comment." }));
  }

  async function loadMore() {
    const page = await get(`/posts/${postId}/comments`, { limit: PAGE_SIZE, after: cursor });
    page.items.forEach((comment) => insert(comment));
    showEnd(page.next_cursor);
  }

  function insert(comment) {
    const existing = nodes.get(comment.id);
    if (existing) {
      existing.update(comment);
      return existing;
    }
    const node = commentNode(comment);
    const parent = nodes.get(comment.parent_id);
    nodes.set(comment.id, node);
    (parent ? parent.replies : roots).append(node.element);
    parent?.countReplies();
    return node;
  }

  function drop(id) {
    const node = nodes.get(id);
    const parent = nodes.get(node?.parentId);
    nodes.delete(id);
    node?.element.remove();
    parent?.countReplies();
  }

  function commentNode(initial) {
    let current = initial;
    const path = `/comments/${current.id}`;
    const author = nameOf(current.author_id);
    const [header, body, footer, replySlot] = [h("header", { class: "byline" }), h("div", {}), h("footer", {}), h("div", { class: "slot" })];
    const replies = h("ol", { class: "replies" });
    const refresh = refresher(path, update);
    const reactions = reactionBar(path, refresh);
    const fold = h("button", { type: "button", class: "fold", "aria-expanded": "true", "aria-label": `Collapse replies to ${author}`, onclick: () => toggleReplies() });
    const unfold = h("button", { type: "button", class: "link unfold", onclick: () => toggleReplies() });
    const article = h("article", { class: "comment", id: `comment-${current.id}`, tabindex: "-1", "aria-label": `Comment by ${author}` }, header, body, footer);
    const element = h("li", { class: "node" }, article, replySlot, fold, unfold, replies);

    function toggleReplies() {
      const isOpen = element.classList.toggle("is-folded") === false;
      fold.setAttribute("aria-expanded", String(isOpen));
    }

    /** Shows the number of replies at every depth, here and at all ancestors. */
    function countReplies() {
      const number = replies.querySelectorAll(".node").length;
      fold.hidden = number === 0;
      fill(unfold, icon("plus"), quantity(number, "reply", "replies"));
      nodes.get(current.parent_id)?.countReplies();
    }

    function update(comment) {
      current = comment;
      const isDeleted = Boolean(comment.deleted_at);
      const isTombstone = isDeleted && !comment.body;
      article.classList.toggle("tombstone", isTombstone);
      fill(header, avatar(comment.author_id, "avatar-small"),
        nameWithDetails(comment.author_id ? userName(comment.author_id) : h("span", { class: "muted" }, "Deleted"),
          relativeTime(comment.created_at), comment.edited_at && " · edited"),
        currentUserId() && !isDeleted && menu(`Actions for the comment by ${nameOf(comment.author_id)}`, items));
      fill(body, isTombstone ? h("p", { class: "text muted" }, "This comment was deleted.") : h("p", { class: "text" }, linkify(comment.body)),
        gallery(comment.media ?? [], () => get(path)));
      reactions.update(comment.reactions ?? []);
      const canReply = !isDeleted && group().role && comment.depth < MAX_DEPTH;
      fill(footer, !isDeleted && reactions.element,
        canReply && h("button", { type: "button", class: "link reply", onclick: reply }, icon("reply"), "Reply"));
    }

    function items() {
      const isOwn = current.author_id === currentUserId();
      return [
        isOwn && ["Edit", "pencil", edit],
        (isOwn || isAtLeast(group(), "moderator")) && ["Delete", "trash", deleteComment, "danger"],
        ["Copy text", "link", () => copyText(current.body, "Text copied.")],
      ];
    }

    function reply() {
      if (replySlot.firstChild) {
        replySlot.querySelector("textarea").focus();
        return;
      }
      const form = commentComposer(postId, {
        parentId: current.id, placeholder: `Reply to ${nameOf(current.author_id)}…`,
        onCreate: (comment, details) => { fill(replySlot); showOwn(comment, details); }, onCancel: () => fill(replySlot),
      });
      fill(replySlot, form.element);
      form.focus();
    }

    async function edit() {
      const changed = await openDialog({
        title: "Edit your comment", fields: [{ name: "body", label: "Text", kind: "area", value: current.body, rows: 5 }],
        submit: (values) => patch(path, values),
      });
      if (changed) update(changed);
    }

    async function deleteComment() {
      await remove(path);
      await readAtLeast(nodes.size);
      toastDeleted("Comment deleted.", isAtLeast(group(), "moderator") && restore);
    }

    async function restore() {
      await send(`${path}/restore`);
      await readAtLeast(nodes.size + 1);
    }

    update(current);
    countReplies();
    return { element, article, replies, update, refresh, countReplies, parentId: current.parent_id };
  }

  /** Shows a comment that the user has just written. */
  async function showOwn(comment, { hasFiles, path }) {
    const node = insert(hasFiles ? await get(path) : comment);
    showEnd(cursor);
    flash(node.article, { block: "nearest", behavior: "smooth" });
  }

  /** Applies an event of the post's namespace. */
  function onEvent(type, event) {
    const id = event.subject_id;
    if (type === "comment.created" && !nodes.has(id)) {
      // Pages that are not loaded yet will include the comment.
      if (cursor) return;
      const node = insert({ ...event.data, reactions: event.data.reactions ?? [] });
      showEnd(cursor);
      node.article.classList.add("flash");
      if (event.actor_id !== currentUserId() && element.isConnected) announce(`New comment by ${nameOf(event.actor_id)}`);
    } else if (type === "comment.deleted" || type === "comment.restored") {
      readAtLeast(nodes.size).catch(reportError);
    } else {
      nodes.get(id)?.refresh();
    }
  }

  return { element, load, onEvent, showOwn, find: (id) => nodes.get(id) };
}
