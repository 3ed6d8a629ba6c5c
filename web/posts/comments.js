// The thread under a post: comments in the places where they were written, each kept as an element.

import { get, patch, post as send, remove } from "../client/api.js";
import { commentComposer } from "./composer.js";
import { fill, h, icon, speak } from "../elements/dom.js";
import { button, complain, copy, dialog, failed, menu, skeletons, state, toast } from "../elements/parts.js";
import { face, isAtLeast, nameOf, person } from "../elements/identity.js";
import { gallery } from "./media.js";
import { reactionsOf } from "./reactions.js";
import { me } from "../client/session.js";
import { count, linked, when } from "../elements/text.js";

const PAGE = 100;
const DEEPEST = 5;

export function threadOf(postId, { group, signal }) {
  const known = new Map();
  const roots = h("ol", { class: "thread" });
  const end = h("div", { class: "end" });
  const element = h("section", { class: "comments", "aria-label": "Comments" }, roots, end);
  let cursor = null;

  async function load() {
    fill(end, known.size ? null : skeletons(2));
    roots.setAttribute("aria-busy", "true");
    try {
      await read(known.size);
    } catch (problem) {
      if (!signal.aborted) fill(end, failed(problem, load));
    } finally {
      roots.removeAttribute("aria-busy");
    }
  }

  /** Reads at least so many comments from the beginning, and takes away what is no more. */
  async function read(least) {
    const seen = new Set();
    let page;
    do {
      page = await get(`/posts/${postId}/comments`, { limit: PAGE, after: page?.next_cursor });
      if (signal.aborted) return;
      page.items.forEach((comment) => { seen.add(comment.id); place(comment); });
    } while (page.next_cursor && seen.size < least);
    for (const id of [...known.keys()]) if (!seen.has(id)) drop(id);
    finish(page.next_cursor);
  }

  function finish(next) {
    cursor = next;
    fill(end, cursor ? button("More comments", { drawing: "down", run: more })
      : !known.size && state({ drawing: "chat", title: "No comments yet", words: group().role ? "Be the first to answer." : "Members of the group can answer." }));
  }

  async function more() {
    const page = await get(`/posts/${postId}/comments`, { limit: PAGE, after: cursor });
    page.items.forEach((comment) => place(comment));
    finish(page.next_cursor);
  }

  function place(comment) {
    const there = known.get(comment.id);
    if (there) {
      there.update(comment);
      return there;
    }
    const node = commentNode(comment);
    const parent = known.get(comment.parent_id);
    known.set(comment.id, node);
    (parent ? parent.replies : roots).append(node.element);
    parent?.counted();
    return node;
  }

  function drop(id) {
    const node = known.get(id);
    const parent = known.get(node?.parent);
    known.delete(id);
    node?.element.remove();
    parent?.counted();
  }

  function commentNode(first) {
    let shown = first;
    const path = `/comments/${shown.id}`;
    const [head, body, foot, slot] = [h("header", { class: "by" }), h("div", {}), h("footer", {}), h("div", { class: "slot" })];
    const replies = h("ol", { class: "replies" });
    const reactions = reactionsOf(path, refresh);
    const fold = h("button", { type: "button", class: "fold", "aria-expanded": "true", "aria-label": `Fold the replies to ${nameOf(shown.author_id)}`, onclick: () => turn() });
    const folded = h("button", { type: "button", class: "link unfold", onclick: () => turn() });
    const one = h("article", { class: "comment", id: `comment-${shown.id}`, tabindex: "-1", "aria-label": `Comment of ${nameOf(shown.author_id)}` }, head, body, foot);
    const element = h("li", { class: "node" }, one, slot, fold, folded, replies);

    function turn() {
      const isOpen = element.classList.toggle("is-folded") === false;
      fold.setAttribute("aria-expanded", String(isOpen));
    }

    function counted() {
      const number = replies.querySelectorAll(".node").length;
      fold.hidden = number === 0;
      fill(folded, icon("plus"), count(number, "reply", "replies"));
      // An answer anywhere below counts for everyone above.
      known.get(shown.parent_id)?.counted();
    }

    function update(comment) {
      shown = comment;
      const isGone = Boolean(comment.deleted_at);
      one.classList.toggle("tombstone", isGone && !comment.body);
      fill(head, face(comment.author_id, "small-face"),
        h("div", { class: "who" }, h("span", { class: "names" }, comment.author_id ? person(comment.author_id) : h("span", { class: "muted" }, "Deleted")),
          h("span", { class: "muted small" }, when(comment.created_at), comment.edited_at && " · edited")),
        me() && !isGone && menu(`More about the comment of ${nameOf(comment.author_id)}`, items));
      fill(body, isGone && !comment.body ? h("p", { class: "text muted" }, "This comment was deleted.") : h("p", { class: "text" }, linked(comment.body)),
        gallery(comment.media ?? [], () => get(path)));
      reactions.update(comment.reactions ?? []);
      fill(foot, !isGone && reactions.element,
        !isGone && group().role && comment.depth < DEEPEST && h("button", { type: "button", class: "link reply", onclick: reply }, icon("reply"), "Reply"));
    }

    function items() {
      const isMine = shown.author_id === me();
      return [
        isMine && ["Edit", "pencil", edit],
        (isMine || isAtLeast(group(), "moderator")) && ["Delete", "trash", erase, "danger"],
        ["Copy text", "link", () => copy(shown.body, "The text was copied.")],
      ];
    }

    function reply() {
      if (slot.firstChild) {
        slot.querySelector("textarea").focus();
        return;
      }
      const form = commentComposer(postId, {
        parent: shown.id, placeholder: `Reply to ${nameOf(shown.author_id)}…`,
        made: (comment, about) => { fill(slot); written(comment, about); }, leave: () => fill(slot),
      });
      fill(slot, form.element);
      form.focus();
    }

    async function refresh() {
      try {
        update(await get(path));
      } catch (problem) {
        if (problem.status !== 404) complain(problem);
      }
    }

    async function edit() {
      const changed = await dialog({
        title: "Edit your comment", fields: [{ name: "body", label: "Text", kind: "area", value: shown.body, rows: 5 }],
        submit: (values) => patch(path, values),
      });
      if (changed) update(changed);
    }

    async function erase() {
      await remove(path);
      await read(known.size);
      const moderates = isAtLeast(group(), "moderator");
      toast("The comment was deleted.", moderates ? { action: "Undo", run: () => restore().catch(complain) } : {});
    }

    async function restore() {
      await send(`${path}/restore`);
      await read(known.size + 1);
    }

    update(shown);
    counted();
    return { element, replies, update, refresh, counted, one, parent: shown.parent_id };
  }

  async function written(comment, { hasFiles, path }) {
    const node = place(hasFiles ? await get(path) : comment);
    finish(cursor);
    node.one.classList.add("fresh");
    node.one.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  /** What the sockets tell of this post's comments. */
  function told(type, event) {
    const id = event.subject_id;
    if (type === "comment.created" && !known.has(id)) {
      // What comes behind a page that was not read yet comes with that page.
      if (cursor) return;
      const node = place({ ...event.data, reactions: event.data.reactions ?? [] });
      finish(cursor);
      node.one.classList.add("fresh");
      if (event.actor_id !== me() && element.isConnected) speak(`New comment of ${nameOf(event.actor_id)}`);
    } else if (type === "comment.deleted" || type === "comment.restored") {
      read(known.size).catch(complain);
    } else {
      known.get(id)?.refresh();
    }
  }

  return {
    element, load, told, written,
    find: (id) => known.get(id),
    get size() { return known.size; },
  };
}
