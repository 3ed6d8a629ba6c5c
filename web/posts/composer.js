// Where somebody writes: a post with files, or a comment.

import { post, Problem } from "../client/api.js";
import { fill, h, icon } from "../elements/dom.js";
import { complain, toast } from "../elements/parts.js";
import { face } from "../elements/identity.js";
import { Tray } from "./media.js";
import { tagsOf } from "./post.js";
import { me } from "../client/session.js";

const FILES = "image/*,video/*,audio/*,application/pdf";

/** A form for a new post in a group; `made` gets it. */
export function postComposer(group, made) {
  const title = h("input", { class: "title", "aria-label": "Title", placeholder: "Title (if you like)", name: "title" });
  const tags = h("input", { class: "tags-field", "aria-label": "Tags, with commas between them", placeholder: "Tags, with commas", name: "tags" });
  return composer({
    label: "New post", placeholder: `Write to ${group.name}…`, action: "Post", purpose: "post", before: title, beside: tags, isFolded: true,
    submit: (body) => {
      const fields = { body, topic_tags: tagsOf(tags.value) };
      if (title.value.trim()) fields.title = title.value;
      return post(`/groups/${group.id}/posts`, fields);
    },
    path: "/posts", made,
    clear: () => { title.value = ""; tags.value = ""; },
  });
}

/** A form for a comment on a post, or a reply to one. */
export function commentComposer(postId, { parent = null, placeholder = "Write a comment…", made, leave }) {
  return composer({
    label: parent ? "Reply" : "New comment", placeholder, action: parent ? "Reply" : "Comment", purpose: "comment", isFolded: !parent,
    submit: (body) => post(`/posts/${postId}/comments`, parent ? { body, parent_id: parent } : { body }),
    path: "/comments", made, leave,
  });
}

function composer({ label, placeholder, action, purpose, before, beside, isFolded, submit, path, made, clear = () => {}, leave }) {
  const tray = new Tray(purpose);
  const text = h("textarea", { rows: 1, "aria-label": label, placeholder, name: "body" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const pick = h("input", { type: "file", accept: FILES, multiple: true, class: "unseen", tabindex: "-1", "aria-label": "Files", onchange: () => { take(pick.files); pick.value = ""; } });
  const send = h("button", { type: "submit", class: "button primary" }, icon("send"), h("span", {}, action));
  const form = h("form", { class: isFolded ? "composer card folded" : "composer", "aria-label": label, novalidate: true },
    h("div", { class: "line" }, face(me(), "small-face"), h("div", { class: "fields" }, before, text)),
    tray.element, trouble,
    h("div", { class: "bar" }, h("button", { type: "button", class: "button quiet", onclick: () => pick.click() }, icon("image"), h("span", {}, "Picture")), pick,
      beside, h("span", { class: "gap" }), leave && h("button", { type: "button", class: "button quiet", onclick: leave }, "Cancel"), send));

  const grow = () => {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  };
  const unfold = () => form.classList.remove("folded");
  const fold = () => isFolded && !text.value && tray.isEmpty && !form.contains(document.activeElement) && form.classList.add("folded");
  const take = (files) => { unfold(); tray.add(files); };

  text.addEventListener("input", grow);
  form.addEventListener("focusin", unfold);
  form.addEventListener("focusout", () => setTimeout(fold, 200));
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files); });
  form.addEventListener("paste", (event) => event.clipboardData.files.length && take(event.clipboardData.files));
  form.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.requestSubmit());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.getAttribute("aria-busy") === "true") return;
    send.setAttribute("aria-busy", "true");
    fill(trouble);
    try {
      await tray.ready();
      const written = await submit(text.value);
      await finish(written);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      fill(trouble, problem.words);
      text.focus();
    } finally {
      send.removeAttribute("aria-busy");
    }
  });

  async function finish(written) {
    // It is there, whatever becomes of its files.
    const hasFiles = !tray.isEmpty;
    text.value = "";
    clear();
    grow();
    try {
      if (hasFiles) await tray.link(purpose, written.id);
    } catch (problem) {
      complain(problem);
    }
    made(written, { hasFiles, path: `${path}/${written.id}` });
    document.activeElement?.blur?.();
    fold();
    if (purpose === "post") toast("Posted.");
  }

  return { element: form, focus: () => text.focus() };
}
