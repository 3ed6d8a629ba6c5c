// What views are made of: messages, menus, dialogs, lists without an end, and their states.

import { Problem } from "../client/api.js";
import { fill, h, icon, unique } from "./dom.js";
import { live } from "../client/live.js";

const LONG = 6000; // milliseconds that a message stays

/** A short message at the edge, perhaps with something to do about it. */
export function toast(words, { action, run, bad = false } = {}) {
  const place = document.getElementById("toasts");
  const one = h("div", { class: bad ? "toast bad" : "toast" }, h("span", {}, words));
  const end = () => one.remove();
  if (action) one.append(h("button", { type: "button", onclick: () => { end(); run(); } }, action));
  one.append(h("button", { type: "button", class: "bare", "aria-label": "Dismiss", onclick: end }, icon("close")));
  place.append(one);
  setTimeout(end, LONG);
}

/** Tells what went wrong, unless somebody wanted it so. */
export function complain(problem) {
  if (problem.name === "AbortError") return;
  if (!(problem instanceof Problem)) throw problem;
  toast(problem.words, { bad: true });
}

export async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
    toast(told);
  } catch {
    // Without https, or where the browser says no.
    toast(text);
  }
}

/** Does something once at a time, with the button showing that it is being done. */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (problem) {
    complain(problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** A button with a drawing and words. */
export function button(words, { drawing, kind = "", run, ...rest }) {
  return h("button", { type: "button", class: `button ${kind}`, onclick: (event) => busy(event.currentTarget, run), ...rest },
    drawing && icon(drawing), h("span", {}, words));
}

/** What is shown where there is nothing to show, or nothing to be had. */
export function state({ drawing, title, words, action, kind = "", level = "h2" }) {
  return h("div", { class: `card state ${kind}` }, h("span", { class: "state-icon" }, icon(drawing)),
    h(level, {}, title), words && h("p", {}, words), action);
}

/** The state of something that could not be got, with another try; of a whole page by `level`. */
export function failed(problem, again, level = "h2") {
  if (!(problem instanceof Problem)) throw problem;
  const drawing = problem.status === 0 ? "wifiOff" : problem.status === 404 ? "search" : "bell";
  const titles = { 0: "No connection", 403: "Not open to you", 404: "There is nothing here", 429: "A little slower, please" };
  const element = h("div", { role: "alert" }, state({
    drawing, title: titles[problem.status] ?? "That did not work", words: problem.words, kind: "failed", level,
    action: problem.passes ? button("Try again", { run: again }) : h("a", { class: "button", href: "#/" }, "All groups"),
  }));
  if (problem.status === 0) whenBack(() => element.isConnected && again());
  return element;
}

/** Does something once, when the network or the service is there again. */
function whenBack(run) {
  const done = new AbortController();
  const back = () => { done.abort(); run(); };
  addEventListener("online", back, { signal: done.signal });
  live.addEventListener("change", () => live.state === "live" && back(), { signal: done.signal });
}

export function skeletons(number = 3) {
  return h("div", { class: "skeletons", role: "status" }, h("span", { class: "unseen" }, "Loading"),
    Array.from({ length: number }, () => h("div", { class: "card skeleton", "aria-hidden": "true" },
      h("i", { class: "round" }), h("i", { class: "short" }), h("i"), h("i", { class: "most" }))));
}

// One at a time is open, above everything else.

function popover(anchor, content, kind) {
  const box = h("div", { class: `popover ${kind}`, popover: "auto" }, content);
  // Not beside its anchor, which may be drawn anew meanwhile.
  document.getElementById("main").append(box);
  box.showPopover();
  const at = anchor.getBoundingClientRect();
  const [width, height] = [box.offsetWidth, box.offsetHeight];
  const above = at.bottom + height + 8 > innerHeight && at.top > height + 8;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  box.style.top = `${above ? at.top - height - 6 : Math.min(at.bottom + 6, innerHeight - height - 8)}px`;
  const follow = () => box.hidePopover();
  addEventListener("scroll", follow, { once: true, passive: true });
  box.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    removeEventListener("scroll", follow);
    if (box.contains(document.activeElement) || document.activeElement === document.body) anchor.focus({ preventScroll: true });
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
  });
  anchor.setAttribute("aria-expanded", "true");
  box.addEventListener("keydown", (event) => walk(event, box));
  box.querySelector("button")?.focus({ preventScroll: true });
  return box;
}

function walk(event, box) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...box.querySelectorAll("button")];
  all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
}

/** A "…" button with a menu; `items` is asked each time: [words, drawing, run, kind]. */
export function menu(label, items) {
  const open = (event) => {
    const anchor = event.currentTarget;
    const box = popover(anchor, h("div", { role: "menu", "aria-label": label }, items().filter(Boolean).map(
      ([words, drawing, run, kind = ""]) => h("button", {
        type: "button", role: "menuitem", class: kind,
        onclick: () => { box.hidePopover(); busy(anchor, run); },
      }, icon(drawing), words))), "menu");
  };
  return h("button", { type: "button", class: "bare more", "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false", onclick: open }, icon("more"));
}

const EMOJI = [..."👍👎😂😮😢🎉🙏👏🔥💯👀🤔😍😋🙌💪🦊🐈🌱☕🚲🎶🚀", "❤️"];

/** Lets somebody choose an emoji. */
export function pickEmoji(anchor, choose) {
  const box = popover(anchor, h("div", { class: "emoji", role: "group", "aria-label": "Reactions" }, EMOJI.map(
    (emoji) => h("button", { type: "button", "aria-label": `React with ${emoji}`, onclick: () => { box.hidePopover(); choose(emoji); } }, emoji))), "picker");
}

/**
 * A dialog with a form. `submit` gets the values; what it throws is shown beside the fields, and
 * the dialog stays. The promise ends with what it returned, or undefined when it was left.
 */
export function dialog({ title, words, fields = [], action = "Save", danger = false, submit }) {
  return new Promise((resolve) => {
    const form = formOf({ fields, action, danger, submit: async (values) => { result = await submit(values); box.close(); }, leave: () => box.close() });
    const heading = unique("dialog");
    const box = h("dialog", { class: "dialog", "aria-labelledby": heading }, h("h2", { id: heading }, title), words && h("p", { class: "muted" }, words), form);
    let result;
    box.addEventListener("close", () => { box.remove(); resolve(result); });
    // A press outside of it leaves it too.
    box.addEventListener("pointerdown", (event) => event.target === box && box.close());
    document.body.append(box);
    box.showModal();
  });
}

/** A form of labelled fields that shows the service's own errors where they belong. */
export function formOf({ fields, action, danger = false, submit, leave }) {
  const rows = fields.map(row);
  const trouble = h("p", { class: "trouble", role: "alert" });
  const send = h("button", { type: "submit", class: `button ${danger ? "danger" : "primary"}` }, action);
  const form = h("form", { class: "form", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    if (send.getAttribute("aria-busy") === "true") return;
    send.setAttribute("aria-busy", "true");
    rows.forEach((each) => each.tell(""));
    fill(trouble);
    try {
      await submit(Object.fromEntries(rows.map((each) => [each.name, each.read()])));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const rest = problem.errors.filter((error) => !rows.find((each) => each.name === error.field)?.tell(error.message));
      if (!problem.errors.length || rest.length) fill(trouble, problem.words);
      form.querySelector("[aria-invalid=true]")?.focus();
    } finally {
      send.removeAttribute("aria-busy");
    }
  } }, rows.map((each) => each.element), trouble,
    h("div", { class: "actions" }, leave && h("button", { type: "button", class: "button", onclick: leave }, "Cancel"), send));
  return form;
}

function row({ name, label, kind = "text", value = "", hint, options, ...rest }) {
  const id = unique("field");
  const note = h("span", { class: "hint", id: `${id}-hint` }, hint);
  const common = { id, name, "aria-describedby": note.id, ...rest };
  let input;
  if (kind === "area") input = h("textarea", { rows: 4, ...common, value });
  else if (kind === "choice") input = h("select", common, options.map(([key, words]) => h("option", { value: key, selected: key === value }, words)));
  else input = h("input", { type: kind, ...common, ...(kind === "checkbox" ? { checked: value } : { value }) });
  const read = () => (kind === "checkbox" ? input.checked : input.value);
  const tell = (message) => {
    fill(note, message ? `${label} ${message}` : hint);
    note.classList.toggle("wrong", Boolean(message));
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return true;
  };
  const element = kind === "checkbox"
    ? h("div", { class: "field check" }, input, h("label", { for: id }, label), note)
    : h("div", { class: "field" }, h("label", { for: id }, label), input, note);
  return { name, read, tell, element };
}

/**
 * A list that goes on while somebody scrolls. `load(cursor)` gives pages, `show(item)` elements;
 * `empty()` is shown for none.
 */
export function endless({ load, show, empty, signal, kind = "list", role = null, label = null, waiting = () => skeletons() }) {
  const items = h("div", { class: kind, role, "aria-label": label });
  const end = h("div", { class: "end" });
  const element = h("div", {}, items, end);
  let [cursor, isOver, running] = [null, false, 0];

  const observer = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && more(), { rootMargin: "700px" });
  signal.addEventListener("abort", () => observer.disconnect());

  async function more() {
    if (running || isOver) return;
    const run = (running = Symbol("run"));
    const isFirst = cursor === null;
    fill(end, isFirst ? !items.children.length && waiting() : h("p", { class: "spinner", role: "status" }, "Loading more"));
    items.setAttribute("aria-busy", "true");
    observer.disconnect();
    try {
      const page = await load(cursor);
      if (run !== running || signal.aborted) return;
      if (isFirst) items.replaceChildren();
      items.append(...page.items.map(show).filter(Boolean));
      cursor = page.next_cursor;
      isOver = cursor === null;
      fill(end, isOver && !items.children.length && empty());
    } catch (problem) {
      if (run !== running || signal.aborted) return;
      isOver = false;
      fill(end, failed(problem, () => { running = 0; return more(); }));
      return;
    } finally {
      items.removeAttribute("aria-busy");
    }
    running = 0;
    // What is in sight already is told once more.
    if (!isOver) observer.observe(end);
  }

  return {
    element,
    items,
    more,
    /** Begins anew; what is shown stays until the first page is there. */
    reload() {
      [cursor, isOver, running] = [null, false, 0];
      return more();
    },
    /** Says that something has come or gone by another way. */
    changed() {
      if (!running && isOver) fill(end, !items.children.length && empty());
    },
  };
}
