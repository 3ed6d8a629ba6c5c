// The API knows people by their ids alone. Here are names for the examples, short forms for others,
// and for everyone a picture: initials on a colour that stays theirs.

import { h, icon } from "./dom.js";
import { examples, me } from "../client/session.js";

const COLOURS = 10;
const NAMES = new Map(examples.map((user) => [user.id, user.name]));

export function nameOf(id) {
  return id === null ? "Somebody" : NAMES.get(id) ?? `User ${id.slice(-6)}`;
}

/** A name, and whether it is the reader's own. */
export function person(id) {
  return [h("span", { class: "name" }, nameOf(id)), id !== null && id === me() && h("span", { class: "you" }, "you")];
}

export function face(id, size = "") {
  const letters = id === null ? "?" : NAMES.get(id)?.slice(0, 2) ?? id.slice(-2).toUpperCase();
  return h("span", { class: `face ${size}`, "data-colour": id === null ? "none" : colour(id), "aria-hidden": "true" }, letters);
}

export function badge(group, size = "") {
  const words = group.name.split(/\s+/).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
  const place = h("span", { class: `face square ${size}`, "data-colour": colour(group.id), "aria-hidden": "true" }, letters);
  if (group.avatar_url) {
    const picture = h("img", { src: group.avatar_url, alt: "", loading: "lazy" });
    // A URL that has had its hour; the letters are as good until the next visit.
    picture.addEventListener("error", () => picture.remove());
    place.append(picture);
  }
  return place;
}

export function colour(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % COLOURS;
}

const SEEN_BY = { public: ["globe", "Public"], private: ["lock", "Private"], secret: ["eyeOff", "Secret"] };

export function visibility(group) {
  const [drawing, word] = SEEN_BY[group.visibility];
  return h("span", { class: "fact" }, icon(drawing), word);
}

export function roleChip(role) {
  return role && role !== "member" && h("span", { class: `chip role-${role}` }, role);
}

// What is offered to whom. Whether it is allowed, the service decides.
const RANKS = ["member", "moderator", "admin", "owner"];

export function isAtLeast(group, role) {
  return group.role !== null && RANKS.indexOf(group.role) >= RANKS.indexOf(role);
}

export const ROLES = RANKS;
