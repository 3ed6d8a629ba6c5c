// Reactions to a post or comment. A press on one adds or removes the user's own.

import { post, remove } from "../client/api.js";
import { currentUserId } from "../client/session.js";
import { h } from "../elements/dom.js";
import { reportError } from "../elements/feedback.js";
import { icon } from "../elements/icons.js";
import { pickEmoji } from "../elements/menus.js";

/** Returns the reactions of the post or comment at `path`. `refresh` reads it again after a change. */
export function reactionBar(path, refresh) {
  const chips = new Map();
  const addButton = h("button", {
    type: "button", class: "react", "aria-label": "Add a reaction", "aria-haspopup": "true", "aria-expanded": "false",
    onclick: () => ifSignedIn(() => pickEmoji(addButton, (emoji) => change(emoji, true))),
  }, icon("smile"));
  const element = h("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, addButton);

  function ifSignedIn(run) {
    if (currentUserId()) run();
    else location.hash = "#/sign-in";
  }

  async function change(emoji, isAdded) {
    try {
      if (isAdded) await post(`${path}/reactions`, { emoji });
      else await remove(`${path}/reactions/${encodeURIComponent(emoji)}`);
    } catch (problem) {
      // A duplicate means that the reaction exists already.
      if (problem.code !== "duplicate_reaction") reportError(problem);
    }
    await refresh();
  }

  function addChip(emoji) {
    const number = h("span", { class: "number" });
    const chip = h("button", {
      type: "button", class: "reaction", "data-emoji": emoji,
      onclick: () => ifSignedIn(() => change(emoji, chip.getAttribute("aria-pressed") !== "true")),
    }, h("span", { class: "glyph", "aria-hidden": "true" }, emoji), number);
    chips.set(emoji, chip);
    addButton.before(chip);
    return chip;
  }

  function update(reactions) {
    const present = new Set(reactions.map((each) => each.emoji));
    for (const [emoji, chip] of chips) {
      if (present.has(emoji)) continue;
      chip.remove();
      chips.delete(emoji);
    }
    for (const { emoji, count, reacted } of reactions) {
      const chip = chips.get(emoji) ?? addChip(emoji);
      const number = chip.querySelector(".number");
      if (number.textContent && number.textContent !== String(count)) chip.classList.add("changed");
      number.textContent = count;
      chip.setAttribute("aria-pressed", String(Boolean(reacted)));
      chip.setAttribute("aria-label", `${emoji} ${count}`);
    }
  }

  element.addEventListener("animationend", (event) => event.target.classList.remove("changed"));
  return { element, update };
}
