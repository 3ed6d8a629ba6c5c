// Names and avatars of users. The API identifies users by id alone: example users have names, other ids are shortened.

import { currentUserId, exampleUsers } from "../client/session.js";
import { h } from "./dom.js";

const COLOURS = 10;
const NAMES = new Map(exampleUsers.map((user) => [user.id, user.name]));

export function nameOf(id) {
  return id === null ? "Unknown user" : NAMES.get(id) ?? `User ${id.slice(-6)}`;
}

/** Returns a user's name, with a label if it is the current user. */
export function userName(id) {
  return [h("span", { class: "name" }, nameOf(id)), id !== null && id === currentUserId() && h("span", { class: "self-label" }, "you")];
}

/** Returns a name above its details, as in the header of a post or a row of a list. */
export function nameWithDetails(name, ...details) {
  return h("div", { class: "name-and-details" }, h("span", { class: "names" }, name), h("span", { class: "muted small" }, details));
}

/** Returns a user's initials on the user's colour. */
export function avatar(id, size = "") {
  const letters = id === null ? "?" : NAMES.get(id)?.slice(0, 2) ?? id.slice(-2).toUpperCase();
  return h("span", { class: `avatar ${size}`, "data-colour": id === null ? "none" : colourOf(id), "aria-hidden": "true" }, letters);
}

/** Returns the number of the colour of a user or group. It never changes. */
export function colourOf(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % COLOURS;
}
