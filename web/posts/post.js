// A post as a card, in a feed or by itself; it keeps its element when what it shows changes.

import { get, patch, post as send, put, remove } from "../client/api.js";
import { fill, h, icon, speak } from "../elements/dom.js";
import { complain, copy, dialog, menu, toast } from "../elements/parts.js";
import { face, isAtLeast, nameOf, person } from "../elements/identity.js";
import { gallery, renewPost } from "./media.js";
import { reactionsOf } from "./reactions.js";
import { me } from "../client/session.js";
import { count, linked, when } from "../elements/text.js";

const LONG = 700; // characters: more is folded in a feed

/**
 * `group()` is the post's group; `isWhole` shows all of it, outside of a feed; `gone(post)` is
 * called when the reader has deleted it.
 */
export function postCard(first, { group, isWhole = false, gone = () => {} }) {
  let shown = first;
  const heading = `post-${shown.id}`;
  const [head, content, media] = [h("header", { class: "by" }), h("div", { class: "content" }), h("div", {})];
  const reactions = reactionsOf(`/posts/${shown.id}`, refresh);
  const comments = h("a", { class: "comments-link", href: `#/posts/${shown.id}` });
  const element = h("article", { class: isWhole ? "card post whole" : "card post", "aria-labelledby": heading, tabindex: "-1", data: { id: shown.id } },
    head, content, media, h("footer", {}, reactions.element, !isWhole && comments));
  let pictures = null;

  function update(post) {
    shown = post;
    element.classList.toggle("pinned", post.is_pinned);
    element.classList.toggle("deleted", Boolean(post.deleted_at));
    fill(head, face(post.author_id),
      h("div", { class: "who" }, h("span", { class: "names" }, person(post.author_id)),
        h("span", { class: "muted small" }, isWhole ? when(post.created_at) : h("a", { href: `#/posts/${post.id}` }, when(post.created_at)),
          post.edited_at && " · edited")),
      h("span", { class: "marks" }, post.deleted_at && h("span", { class: "chip bad" }, icon("trash"), "Deleted"),
        post.is_pinned && h("span", { class: "chip pin" }, icon("pin"), "Pinned")),
      me() && menu(`More about the post of ${nameOf(post.author_id)}`, items));
    const title = post.title && (isWhole ? h("h1", { id: heading }, post.title) : h("h2", { id: heading }, h("a", { href: `#/posts/${post.id}` }, post.title)));
    const body = h("p", { class: "text", id: post.title ? null : heading }, linked(post.body));
    fill(content, title, folded(body, post.body), post.topic_tags.length > 0 && h("p", { class: "tags" }, post.topic_tags.map(
      (tag) => h("a", { class: "tag", href: `#/groups/${post.group_id}?tag=${encodeURIComponent(tag)}` }, `#${tag}`))));
    const ids = post.media.map((each) => each.id).join();
    if (ids !== pictures) fill(media, gallery(post.media, renewPost(post.id)));
    pictures = ids;
    reactions.update(post.reactions);
    fill(comments, icon("chat"), post.comments_count ? count(post.comments_count, "comment") : "Comment");
  }

  function folded(body, text) {
    if (isWhole || text.length <= LONG) return body;
    body.classList.add("clamped");
    const more = h("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => {
      body.classList.remove("clamped");
      more.remove();
    } }, "Show more");
    return [body, more];
  }

  function items() {
    const isMine = shown.author_id === me();
    const moderates = isAtLeast(group(), "moderator");
    if (shown.deleted_at) return [moderates && ["Restore", "restore", restore]];
    return [
      ["Copy link", "link", () => copy(`${location.origin}/#/posts/${shown.id}`, "The link was copied.")],
      moderates && [shown.is_pinned ? "Unpin" : "Pin", "pin", pin],
      isMine && ["Edit", "pencil", edit],
      (isMine || moderates) && ["Delete", "trash", erase, "danger"],
    ];
  }

  async function refresh() {
    try {
      update(await get(`/posts/${shown.id}`));
    } catch (problem) {
      if (problem.status !== 404) complain(problem);
    }
  }

  async function pin() {
    const pinned = shown.is_pinned;
    update(await (pinned ? remove : put)(`/posts/${shown.id}/pin`));
    speak(pinned ? "Unpinned" : "Pinned");
  }

  async function edit() {
    const changed = await dialog({
      title: "Edit your post",
      fields: [
        { name: "title", label: "Title", value: shown.title ?? "" },
        { name: "body", label: "Text", kind: "area", value: shown.body, rows: 8 },
        { name: "topic_tags", label: "Tags", value: shown.topic_tags.join(", "), hint: "With commas between them" },
      ],
      submit: (values) => patch(`/posts/${shown.id}`, { ...values, title: values.title.trim() || null, topic_tags: tagsOf(values.topic_tags) }),
    });
    if (changed) update(changed);
  }

  async function erase() {
    const isDone = await dialog({
      title: "Delete this post?", words: "Its comments go with it. Moderators can bring it back.", action: "Delete", danger: true,
      submit: async () => { await remove(`/posts/${shown.id}`); return true; },
    });
    if (!isDone) return;
    gone(shown);
    const moderates = isAtLeast(group(), "moderator");
    toast("The post was deleted.", moderates ? { action: "Undo", run: () => restore().catch(complain) } : {});
  }

  async function restore() {
    update(await send(`/posts/${shown.id}/restore`));
    toast("The post is back.");
  }

  update(shown);
  return { element, update, refresh, get post() { return shown; } };
}

export function tagsOf(text) {
  return text.split(",").map((tag) => tag.trim().replace(/^#/, "")).filter(Boolean);
}
