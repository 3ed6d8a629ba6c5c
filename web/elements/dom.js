// Construction of elements. Strings become text nodes; no module of the page builds HTML from a string.

/** Returns a new element: h("button", { class: "quiet", onclick: save }, "Save"). */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(...children.flat(Infinity).filter(isShown));
  return element;
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(isShown));
  return element;
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Announces a text to users of screen readers. */
export function announce(text) {
  document.getElementById("spoken").textContent = text;
}

export function setTitle(text) {
  document.title = text ? `${text} · Communities` : "Communities";
}

let lastId = 0;

/** Returns an id that no other element has. */
export function uniqueId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Returns an image that is removed when it fails to load, as after its signed URL has expired. */
export function optionalImage(url, attributes = {}) {
  const image = h("img", { src: url, alt: "", ...attributes });
  image.addEventListener("error", () => image.remove());
  return image;
}

/** Highlights an element for a moment and scrolls it into view. */
export function flash(element, scroll) {
  element.classList.add("flash");
  element.scrollIntoView(scroll);
}
