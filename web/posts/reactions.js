// Reactions under a post or comment: pressing one adds or takes back the reader's own.

import { post, remove } from "../client/api.js";
import { h, icon } from "../elements/dom.js";
import { complain, pickEmoji } from "../elements/parts.js";
import { me } from "../client/session.js";

/** `path` is of the post or comment, `refresh` gets it again; `update` shows other counts. */
export function reactionsOf(path, refresh) {
  const chips = new Map();
  const add = h("button", {
    type: "button", class: "react", "aria-label": "Add a reaction", "aria-haspopup": "true", "aria-expanded": "false",
    onclick: () => (me() ? pickEmoji(add, (emoji) => change(emoji, true)) : (location.hash = "#/sign-in")),
  }, icon("smile"));
  const element = h("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, add);

  async function change(emoji, isAdded) {
    try {
      if (isAdded) await post(`${path}/reactions`, { emoji });
      else await remove(`${path}/reactions/${encodeURIComponent(emoji)}`);
    } catch (problem) {
      // It is as it was wanted.
      if (problem.code !== "duplicate_reaction") complain(problem);
    }
    await refresh();
  }

  function chip(emoji) {
    const number = h("span", { class: "number" });
    const one = h("button", {
      type: "button", class: "reaction", "data-emoji": emoji,
      onclick: () => (me() ? change(emoji, one.getAttribute("aria-pressed") !== "true") : (location.hash = "#/sign-in")),
    }, h("span", { class: "glyph", "aria-hidden": "true" }, emoji), number);
    chips.set(emoji, one);
    add.before(one);
    return one;
  }

  function update(reactions) {
    const present = new Set(reactions.map((each) => each.emoji));
    for (const [emoji, one] of chips) {
      if (present.has(emoji)) continue;
      one.remove();
      chips.delete(emoji);
    }
    for (const { emoji, count, reacted } of reactions) {
      const one = chips.get(emoji) ?? chip(emoji);
      const number = one.querySelector(".number");
      if (number.textContent && number.textContent !== String(count)) one.classList.add("changed");
      number.textContent = count;
      one.setAttribute("aria-pressed", String(Boolean(reacted)));
      one.setAttribute("aria-label", `${emoji} ${count}`);
    }
  }

  element.addEventListener("animationend", (event) => event.target.classList.remove("changed"));
  return { element, update };
}
