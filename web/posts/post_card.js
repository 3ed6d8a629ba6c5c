// A post as a card, in a feed or alone. Updates keep its element.

import { get, patch, post as send, put, remove } from "../client/api.js";
import { isAtLeast } from "../client/roles.js";
import { currentUserId } from "../client/session.js";
import { announce, fill, h } from "../elements/dom.js";
import { copyText, toast, toastDeleted } from "../elements/feedback.js";
import { confirmAction, openDialog, parseTags, tagsField } from "../elements/forms.js";
import { tagLinks } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { menu } from "../elements/menus.js";
import { linkify, quantity, relativeTime } from "../elements/text.js";
import { avatar, nameOf, nameWithDetails, userName } from "../elements/users.js";
import { gallery } from "./media.js";
import { reactionBar } from "./reactions.js";
import { refresher } from "./refresh.js";

const MAX_FEED_CHARACTERS = 700; // a feed clamps longer texts

/**
 * Returns the card of a post. `group()` returns the post's group, `isWhole` shows the text unclamped,
 * and `onDelete(post)` is called after the user has deleted the post.
 */
export function postCard(initial, { group, isWhole = false, onDelete = () => {} }) {
  let current = initial;
  const path = `/posts/${current.id}`;
  const headingId = `post-${current.id}`;
  const [header, content, media] = [h("header", { class: "byline" }), h("div", { class: "content" }), h("div", {})];
  const refresh = refresher(path, update);
  const reactions = reactionBar(path, refresh);
  const comments = h("a", { class: "comments-link", href: `#${path}` });
  const element = h("article", {
    class: isWhole ? "card post whole" : "card post", "aria-labelledby": headingId, tabindex: "-1", data: { id: current.id },
  }, header, content, media, h("footer", {}, reactions.element, !isWhole && comments));
  let mediaIds = null;

  function update(post) {
    current = post;
    element.classList.toggle("pinned", post.is_pinned);
    element.classList.toggle("deleted", Boolean(post.deleted_at));
    const time = relativeTime(post.created_at);
    fill(header, avatar(post.author_id),
      nameWithDetails(userName(post.author_id), isWhole ? time : h("a", { href: `#${path}` }, time), post.edited_at && " · edited"),
      h("span", { class: "marks" },
        post.deleted_at && h("span", { class: "chip error" }, icon("trash"), "Deleted"),
        post.is_pinned && h("span", { class: "chip pin" }, icon("pin"), "Pinned")),
      currentUserId() && menu(`Actions for the post by ${nameOf(post.author_id)}`, items));
    const title = post.title && (isWhole
      ? h("h1", { id: headingId }, post.title)
      : h("h2", { id: headingId }, h("a", { href: `#${path}` }, post.title)));
    const body = h("p", { class: "text", id: post.title ? null : headingId }, linkify(post.body));
    fill(content, title, clamp(body, post.body), tagLinks(post.topic_tags, (tag) => `#/groups/${post.group_id}?tag=${tag}`));
    const ids = post.media.map((each) => each.id).join();
    if (ids !== mediaIds) fill(media, gallery(post.media, () => get(path)));
    mediaIds = ids;
    reactions.update(post.reactions);
    fill(comments, icon("chat"), post.comments_count ? quantity(post.comments_count, "comment") : "Comment");
  }

  function clamp(body, text) {
    if (isWhole || text.length <= MAX_FEED_CHARACTERS) return body;
    body.classList.add("clamped");
    const more = h("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => {
      body.classList.remove("clamped");
      more.remove();
    } }, "Show more");
    return [body, more];
  }

  function items() {
    const isOwn = current.author_id === currentUserId();
    const isModerator = isAtLeast(group(), "moderator");
    if (current.deleted_at) return [isModerator && ["Restore", "restore", restore]];
    return [
      ["Copy link", "link", () => copyText(`${location.origin}/#${path}`, "Link copied.")],
      isModerator && [current.is_pinned ? "Unpin" : "Pin", "pin", togglePin],
      isOwn && ["Edit", "pencil", edit],
      (isOwn || isModerator) && ["Delete", "trash", confirmDeletion, "danger"],
    ];
  }

  async function togglePin() {
    const wasPinned = current.is_pinned;
    update(await (wasPinned ? remove : put)(`${path}/pin`));
    announce(wasPinned ? "Unpinned" : "Pinned");
  }

  async function edit() {
    const changed = await openDialog({
      title: "Edit your post",
      fields: [
        { name: "title", label: "Title", value: current.title ?? "" },
        { name: "body", label: "Text", kind: "area", value: current.body, rows: 8 },
        { ...tagsField(current.topic_tags), name: "topic_tags" },
      ],
      submit: (values) => patch(path, { ...values, title: values.title.trim() || null, topic_tags: parseTags(values.topic_tags) }),
    });
    if (changed) update(changed);
  }

  async function confirmDeletion() {
    const isDeleted = await confirmAction({
      title: "Delete this post?", text: "Its comments are hidden with it. Moderators can restore it.", action: "Delete", run: () => remove(path),
    });
    if (!isDeleted) return;
    onDelete(current);
    toastDeleted("Post deleted.", isAtLeast(group(), "moderator") && restore);
  }

  async function restore() {
    update(await send(`${path}/restore`));
    toast("Post restored.");
  }

  update(current);
  return { element, update, refresh, get post() { return current; } };
}
