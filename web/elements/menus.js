// Menus and the emoji picker: popovers, of which one at a time is open.

import { h } from "./dom.js";
import { runBusy } from "./feedback.js";
import { icon } from "./icons.js";

const MARGIN_PX = 8; // distance from the edges of the window
const ANCHOR_GAP_PX = 6;
const EMOJI = [..."👍👎😂😮😢🎉🙏👏🔥💯👀🤔😍😋🙌💪🦊🐈🌱☕🚲🎶🚀", "❤️"];

function openPopover(anchor, content, kind) {
  const box = h("div", { class: `popover ${kind}`, popover: "auto" }, content);
  // The anchor's parent may be redrawn while the popover is open.
  document.getElementById("main").append(box);
  box.showPopover();
  placeBeside(anchor, box);
  const close = () => box.hidePopover();
  addEventListener("scroll", close, { once: true, passive: true });
  box.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    removeEventListener("scroll", close);
    if (box.contains(document.activeElement) || document.activeElement === document.body) anchor.focus({ preventScroll: true });
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
  });
  anchor.setAttribute("aria-expanded", "true");
  box.addEventListener("keydown", (event) => moveFocus(event, box));
  box.querySelector("button")?.focus({ preventScroll: true });
  return box;
}

/** Places a popover below its anchor, or above it if the window ends there. */
function placeBeside(anchor, box) {
  const { left, top, bottom } = anchor.getBoundingClientRect();
  const [width, height] = [box.offsetWidth, box.offsetHeight];
  const isAbove = bottom + height + MARGIN_PX > innerHeight && top > height + MARGIN_PX;
  const y = isAbove ? top - height - ANCHOR_GAP_PX : Math.min(bottom + ANCHOR_GAP_PX, innerHeight - height - MARGIN_PX);
  box.style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - width - MARGIN_PX))}px`;
  box.style.top = `${y}px`;
}

function moveFocus(event, box) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...box.querySelectorAll("button")];
  buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
}

/** Returns a "…" button with a menu. `items` is called at each opening and returns [text, icon, run, kind] for each item. */
export function menu(label, items) {
  const open = (event) => {
    const anchor = event.currentTarget;
    const box = openPopover(anchor, h("div", { role: "menu", "aria-label": label }, items().filter(Boolean).map(
      ([text, iconName, run, kind = ""]) => h("button", {
        type: "button", role: "menuitem", class: kind,
        onclick: () => { box.hidePopover(); runBusy(anchor, run); },
      }, icon(iconName), text))), "menu");
  };
  return h("button", {
    type: "button", class: "icon-button more", "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false", onclick: open,
  }, icon("more"));
}

/** Opens the emoji picker, which calls `choose` with an emoji. */
export function pickEmoji(anchor, choose) {
  const emojiButton = (emoji) => h("button", {
    type: "button", "aria-label": `React with ${emoji}`, onclick: () => { box.hidePopover(); choose(emoji); },
  }, emoji);
  const box = openPopover(anchor, h("div", { class: "emoji", role: "group", "aria-label": "Reactions" }, EMOJI.map(emojiButton)), "picker");
}
