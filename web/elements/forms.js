// Forms, dialogs, and inputs for files and tags.

import { Problem } from "../client/api.js";
import { fill, h, uniqueId } from "./dom.js";
import { runBusy } from "./feedback.js";

/**
 * Opens a dialog with a form. `submit` receives the values; a Problem that it throws is shown beside the fields,
 * and the dialog stays open. Resolves to the result of `submit`, or to undefined if the user cancels.
 */
export function openDialog({ title, text, fields = [], action = "Save", danger = false, submit }) {
  return new Promise((resolve) => {
    let result;
    const form = buildForm({
      fields, action, danger, onCancel: () => box.close(),
      submit: async (values) => { result = await submit(values); box.close(); },
    });
    const headingId = uniqueId("dialog");
    const box = h("dialog", { class: "dialog", "aria-labelledby": headingId },
      h("h2", { id: headingId }, title), text && h("p", { class: "muted" }, text), form);
    box.addEventListener("close", () => { box.remove(); resolve(result); });
    // A press on the backdrop closes the dialog.
    box.addEventListener("pointerdown", (event) => event.target === box && box.close());
    document.body.append(box);
    box.showModal();
  });
}

/** Asks for confirmation of an action that has no fields. Resolves to whether it was done. */
export async function confirmAction({ run, ...rest }) {
  return Boolean(await openDialog({ ...rest, danger: true, submit: async () => { await run(); return true; } }));
}

/** Returns a form of labelled fields. It shows the service's error for a field at that field. */
export function buildForm({ fields, action, danger = false, submit, onCancel }) {
  const rows = fields.map(buildField);
  const errorLine = h("p", { class: "form-error", role: "alert" });
  const submitButton = h("button", { type: "submit", class: `button ${danger ? "danger" : "primary"}` }, action);

  function showProblem(problem) {
    if (!(problem instanceof Problem)) throw problem;
    const others = problem.errors.filter((error) => !rows.find((row) => row.name === error.field)?.showError(error.message));
    if (!problem.errors.length || others.length) fill(errorLine, problem.text);
    form.querySelector("[aria-invalid=true]")?.focus();
  }

  const form = h("form", { class: "form", novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    return runBusy(submitButton, async () => {
      rows.forEach((row) => row.showError(""));
      fill(errorLine);
      await submit(Object.fromEntries(rows.map((row) => [row.name, row.read()])));
    }, showProblem);
  } }, rows.map((row) => row.element), errorLine,
    h("div", { class: "actions" }, onCancel && h("button", { type: "button", class: "button", onclick: onCancel }, "Cancel"), submitButton));
  return form;
}

function buildField({ name, label, kind = "text", value = "", hint, options, ...rest }) {
  const id = uniqueId("field");
  const note = h("span", { class: "hint", id: `${id}-hint` }, hint);
  const attributes = { id, name, "aria-describedby": note.id, ...rest };
  const isCheckbox = kind === "checkbox";
  let input;
  if (kind === "area") input = h("textarea", { rows: 4, ...attributes, value });
  else if (kind === "choice") input = h("select", attributes, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  else input = h("input", { type: kind, ...attributes, ...(isCheckbox ? { checked: value } : { value }) });
  const showError = (message) => {
    fill(note, message ? `${label} ${message}` : hint);
    note.classList.toggle("error", Boolean(message));
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return true;
  };
  const labelElement = h("label", { for: id }, label);
  const element = isCheckbox
    ? h("div", { class: "field check" }, input, labelElement, note)
    : h("div", { class: "field" }, labelElement, input, note);
  return { name, read: () => (isCheckbox ? input.checked : input.value), showError, element };
}

/** Returns a hidden input for files. A visible button opens it with `click()`. */
export function fileInput(label, onFiles, attributes = {}) {
  const onchange = (event) => {
    onFiles([...event.target.files]);
    // The same file can be chosen again.
    event.target.value = "";
  };
  return h("input", { type: "file", class: "visually-hidden", tabindex: "-1", "aria-label": label, onchange, ...attributes });
}

/** Returns the field for tags. */
export function tagsField(tags = []) {
  return { name: "tags", label: "Tags", value: tags.join(", "), hint: "Separate tags with commas." };
}

export function parseTags(text) {
  return text.split(",").map((tag) => tag.trim().replace(/^#/, "")).filter(Boolean);
}
