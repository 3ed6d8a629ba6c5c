// Labels of a group: avatar, visibility, role, number of members and tags.

import { h, optionalImage } from "./dom.js";
import { icon } from "./icons.js";
import { quantity } from "./text.js";
import { colourOf } from "./users.js";

const VISIBILITIES = { public: ["globe", "Public"], private: ["lock", "Private"], secret: ["eyeOff", "Secret"] };

/** Returns the group's picture above its initials, which remain if the picture fails to load. */
export function groupAvatar(group, size = "") {
  const words = group.name.split(/\s+/).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
  return h("span", { class: `avatar square ${size}`, "data-colour": colourOf(group.id), "aria-hidden": "true" },
    letters, group.avatar_url && optionalImage(group.avatar_url, { loading: "lazy" }));
}

export function visibilityLabel(group) {
  const [iconName, text] = VISIBILITIES[group.visibility];
  return h("span", { class: "fact" }, icon(iconName), text);
}

/** Returns a chip for every role except member, which needs none. */
export function roleChip(role) {
  return role && role !== "member" && h("span", { class: `chip role-${role}` }, role);
}

/** Returns the number of members, as a link if there is an `href`. */
export function memberCount(group, href = null) {
  return h(href ? "a" : "span", { class: "fact", href }, icon("people"), quantity(group.members_count, "member"));
}

/** Returns links of tags. `hrefOf` receives the tag in its URL-encoded form. */
export function tagLinks(tags, hrefOf) {
  return tags.length > 0 && h("p", { class: "tags" }, tags.map((tag) => h("a", { class: "tag", href: hrefOf(encodeURIComponent(tag)) }, `#${tag}`)));
}

/** Returns links from a group's tags to the groups that share them. */
export function groupTags(group) {
  return tagLinks(group.tags, (tag) => `#/?tag=${tag}`);
}
