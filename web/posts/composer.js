// Forms for a new post or comment, with attached files.

import { post, Problem } from "../client/api.js";
import { currentUserId } from "../client/session.js";
import { fill, h } from "../elements/dom.js";
import { reportError, runBusy, toast } from "../elements/feedback.js";
import { fileInput, parseTags } from "../elements/forms.js";
import { icon } from "../elements/icons.js";
import { avatar } from "../elements/users.js";
import { UploadTray } from "./uploads.js";

const ACCEPTED_FILES = "image/*,video/*,audio/*,application/pdf";
const FOLD_DELAY_MS = 200; // the focus may move to another element of the form

/** Returns a form for a new post in a group. `onCreate` receives the post. */
export function postComposer(group, onCreate) {
  const title = h("input", { class: "title", "aria-label": "Title", placeholder: "Title (optional)", name: "title" });
  const tags = h("input", { class: "tags-field", "aria-label": "Tags, separated by commas", placeholder: "Tags, separated by commas", name: "tags" });
  return composer({
    label: "New post", placeholder: `Write to ${group.name}…`, action: "Post", purpose: "post", before: title, beside: tags, isFolded: true,
    submit: (body) => {
      const fields = { body, topic_tags: parseTags(tags.value) };
      if (title.value.trim()) fields.title = title.value;
      return post(`/groups/${group.id}/posts`, fields);
    },
    path: "/posts", onCreate,
    clear: () => { title.value = ""; tags.value = ""; },
  });
}

/** Returns a form for a comment on a post, or for a reply to the comment `parentId`. */
export function commentComposer(postId, { parentId = null, placeholder = "Write a comment…", onCreate, onCancel }) {
  return composer({
    label: parentId ? "Reply" : "New comment", placeholder, action: parentId ? "Reply" : "Comment", purpose: "comment", isFolded: !parentId,
    submit: (body) => post(`/posts/${postId}/comments`, parentId ? { body, parent_id: parentId } : { body }),
    path: "/comments", onCreate, onCancel,
  });
}

function composer({ label, placeholder, action, purpose, before, beside, isFolded, submit, path, onCreate, clear = () => {}, onCancel }) {
  const tray = new UploadTray(purpose);
  const text = h("textarea", { rows: 1, "aria-label": label, placeholder, name: "body" });
  const errorLine = h("p", { class: "form-error", role: "alert" });
  const picker = fileInput("Files", (files) => addFiles(files), { accept: ACCEPTED_FILES, multiple: true });
  const submitButton = h("button", { type: "submit", class: "button primary" }, icon("send"), h("span", {}, action));
  const form = h("form", { class: isFolded ? "composer card folded" : "composer", "aria-label": label, novalidate: true },
    h("div", { class: "line" }, avatar(currentUserId(), "avatar-small"), h("div", { class: "fields" }, before, text)),
    tray.element, errorLine,
    h("div", { class: "bar" },
      h("button", { type: "button", class: "button quiet", onclick: () => picker.click() }, icon("image"), h("span", {}, "Picture")), picker,
      beside, h("span", { class: "spacer" }),
      onCancel && h("button", { type: "button", class: "button quiet", onclick: onCancel }, "Cancel"), submitButton));

  const grow = () => {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  };
  const unfold = () => form.classList.remove("folded");
  const foldIfEmpty = () => isFolded && !text.value && tray.isEmpty && !form.contains(document.activeElement) && form.classList.add("folded");
  const addFiles = (files) => { unfold(); tray.add(files); };

  text.addEventListener("input", grow);
  form.addEventListener("focusin", unfold);
  form.addEventListener("focusout", () => setTimeout(foldIfEmpty, FOLD_DELAY_MS));
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => { event.preventDefault(); addFiles(event.dataTransfer.files); });
  form.addEventListener("paste", (event) => event.clipboardData.files.length && addFiles(event.clipboardData.files));
  form.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.requestSubmit());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    return runBusy(submitButton, async () => {
      fill(errorLine);
      await tray.ready();
      await finish(await submit(text.value));
    }, showProblem);
  });

  function showProblem(problem) {
    if (!(problem instanceof Problem)) throw problem;
    fill(errorLine, problem.text);
    text.focus();
  }

  /** Empties the form and links the files. The post or comment exists even if that fails. */
  async function finish(created) {
    const hasFiles = !tray.isEmpty;
    text.value = "";
    clear();
    grow();
    try {
      if (hasFiles) await tray.link(purpose, created.id);
    } catch (problem) {
      reportError(problem);
    }
    onCreate(created, { hasFiles, path: `${path}/${created.id}` });
    document.activeElement?.blur?.();
    foldIfEmpty();
    if (purpose === "post") toast("Posted.");
  }

  return { element: form, focus: () => text.focus() };
}
