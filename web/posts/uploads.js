// Uploads: files go straight to the bucket while the user still writes.

import { post, upload } from "../client/api.js";
import { fill, h } from "../elements/dom.js";
import { icon } from "../elements/icons.js";
import { formatBytes } from "../elements/text.js";

/** Uploads a file to the bucket. Returns its key. */
export async function uploadFile(file, purpose, { onProgress, signal }) {
  const target = await post("/uploads/presign", { purpose, mime: file.type, size_bytes: file.size, filename: file.name });
  if (signal.aborted) throw new DOMException("cancelled", "AbortError");
  await upload(target, file, { onProgress, signal });
  return target.key;
}

/** Returns the width and height of a picture, and an empty object for other files. */
async function measure(file) {
  if (!file.type.startsWith("image/")) return {};
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return {};
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The files attached to a form, with the progress of their uploads. */
export class UploadTray {
  element = h("ul", { class: "tray", "aria-label": "Attached files" });
  #uploads = new Map();

  constructor(purpose) {
    this.purpose = purpose;
  }

  get isEmpty() {
    return this.#uploads.size === 0;
  }

  add(files) {
    for (const file of files) this.#start(file);
  }

  /** Waits for all uploads, links them to the new post or comment, and empties the tray. */
  async link(subject_type, subject_id) {
    for (const { result } of [...this.#uploads.values()]) {
      const { key, ...size } = await result;
      await post("/attachments", { key, subject_type, subject_id, ...size });
    }
    this.clear();
  }

  /** Resolves when all uploads are complete. Rejects when one has failed. */
  ready() {
    return Promise.all([...this.#uploads.values()].map(({ result }) => result));
  }

  clear() {
    for (const { cancel } of this.#uploads.values()) cancel();
    this.#uploads.clear();
    this.element.replaceChildren();
  }

  #start(file) {
    const controller = new AbortController();
    const size = formatBytes(file.size);
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
    const note = h("span", { class: "note" }, size);
    const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
    const cancel = () => {
      controller.abort();
      if (preview) URL.revokeObjectURL(preview);
      this.#uploads.delete(item);
      item.remove();
    };
    const item = h("li", { class: "upload" },
      h("span", { class: "thumb" }, preview ? h("img", { src: preview, alt: "" }) : icon("file")),
      h("span", { class: "details" }, h("span", { class: "file" }, file.name), note, bar),
      h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${file.name}`, onclick: cancel }, icon("close")));
    this.element.append(item);

    const onProgress = (fraction) => {
      bar.value = fraction;
      fill(note, fraction < 1 ? `${Math.round(fraction * 100)} % of ${size}` : "Processing…");
    };
    const run = async () => {
      const [key, dimensions] = await Promise.all([uploadFile(file, this.purpose, { onProgress, signal: controller.signal }), measure(file)]);
      bar.value = 1;
      item.classList.add("done");
      fill(note, icon("check"), `Uploaded · ${size}`);
      return { key, ...dimensions };
    };
    const result = run();
    result.catch((problem) => {
      if (problem.name === "AbortError") return;
      item.classList.add("failed");
      fill(note, problem.text ?? problem.message);
      bar.remove();
    });
    this.#uploads.set(item, { result, cancel });
  }
}
