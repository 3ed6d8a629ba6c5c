// Media: what posts show of it, and how it gets there.

import { get, post, upload } from "../client/api.js";
import { fill, h, icon } from "../elements/dom.js";
import { complain } from "../elements/parts.js";

const SMALL = 320; // pixels: a picture that is not blown up

/** All media of a post or comment; `renew` gets it again when the signed URLs have expired. */
export function gallery(media, renew) {
  if (!media.length) return null;
  const pictures = media.filter((each) => each.mime.startsWith("image/"));
  const others = media.filter((each) => !each.mime.startsWith("image/"));
  return h("div", { class: "media" },
    pictures.length > 0 && h("div", { class: "pictures", "data-number": Math.min(pictures.length, 4) }, pictures.map((each) => picture(each, renew))),
    others.map((each) => other(each)));
}

function picture(media, renew) {
  const size = media.width && media.height ? { width: media.width, height: media.height } : {};
  const image = h("img", { src: media.url, alt: "Picture", loading: "lazy", decoding: "async", ...size });
  const frame = h("a", { class: media.width && media.width < SMALL ? "picture small" : "picture", href: media.url, target: "_blank", rel: "noopener noreferrer" }, image);
  let isRenewed = false;
  image.addEventListener("error", async () => {
    if (isRenewed) {
      fill(frame, h("span", { class: "missing" }, icon("image"), "The picture can’t be shown"));
      return;
    }
    isRenewed = true;
    try {
      const fresh = (await renew()).media.find((each) => each.id === media.id);
      if (fresh) image.src = frame.href = fresh.url;
    } catch (problem) {
      complain(problem);
    }
  });
  return frame;
}

function other(media) {
  if (media.mime.startsWith("video/")) return h("video", { src: media.url, controls: true, preload: "metadata" });
  if (media.mime.startsWith("audio/")) return h("audio", { src: media.url, controls: true, preload: "none" });
  return h("a", { class: "attached", href: media.url, target: "_blank", rel: "noopener noreferrer" }, icon("file"),
    h("span", {}, "Document"), h("span", { class: "muted" }, bytes(media.size_bytes)));
}

export const renewPost = (id) => () => get(`/posts/${id}`);

export function bytes(number) {
  const unit = number < 1e6 ? "kilobyte" : "megabyte";
  const value = number / (number < 1e6 ? 1e3 : 1e6);
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(Math.max(0.1, value));
}

/** Puts a file into the bucket and gives its key. */
export async function send(file, purpose, { told = () => {}, signal }) {
  const target = await post("/uploads/presign", { purpose, mime: file.type, size_bytes: file.size, filename: file.name });
  if (signal.aborted) throw new DOMException("cancelled", "AbortError");
  await upload(target, file, { told, signal });
  return target.key;
}

/** The size of a picture; nothing for other files. */
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

/** Files that are on their way while somebody still writes. */
export class Tray {
  element = h("ul", { class: "tray", "aria-label": "Attached files" });
  #files = new Map();

  constructor(purpose) {
    this.purpose = purpose;
  }

  get isEmpty() {
    return this.#files.size === 0;
  }

  add(files) {
    for (const file of files) this.#begin(file);
  }

  /** Links all that have arrived to what was written. Waits for those that are still on their way. */
  async link(subject_type, subject_id) {
    for (const entry of [...this.#files.values()]) {
      const { key, ...size } = await entry.done;
      await post("/attachments", { key, subject_type, subject_id, ...size });
    }
    this.clear();
  }

  /** Resolves when everything has arrived; rejects when something has not. */
  ready() {
    return Promise.all([...this.#files.values()].map((entry) => entry.done));
  }

  clear() {
    for (const entry of this.#files.values()) entry.stop();
    this.#files.clear();
    this.element.replaceChildren();
  }

  #begin(file) {
    const stopper = new AbortController();
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
    bar.value = 0;
    const note = h("span", { class: "note" }, bytes(file.size));
    const isPicture = file.type.startsWith("image/");
    const preview = isPicture ? URL.createObjectURL(file) : null;
    const item = h("li", { class: "upload" },
      h("span", { class: "thumb" }, isPicture ? h("img", { src: preview, alt: "" }) : icon("file")),
      h("span", { class: "what" }, h("span", { class: "file" }, file.name), note, bar),
      h("button", { type: "button", class: "bare", "aria-label": `Remove ${file.name}`, onclick: () => stop() }, icon("close")));
    const stop = () => {
      stopper.abort();
      if (preview) URL.revokeObjectURL(preview);
      this.#files.delete(item);
      item.remove();
    };
    this.element.append(item);
    const told = (share) => {
      bar.value = share;
      fill(note, share < 1 ? `${Math.round(share * 100)} % of ${bytes(file.size)}` : "Arriving…");
    };
    const done = (async () => {
      const [key, size] = await Promise.all([send(file, this.purpose, { told, signal: stopper.signal }), measure(file)]);
      bar.value = 1;
      item.classList.add("done");
      fill(note, icon("check"), `Uploaded · ${bytes(file.size)}`);
      return { key, ...size };
    })();
    done.catch((problem) => {
      if (problem.name === "AbortError") return;
      item.classList.add("failed");
      fill(note, problem.words ?? problem.message);
      bar.remove();
    });
    this.#files.set(item, { done, stop });
  }
}
