// #/: all groups, or the user's own.

import { get, post } from "../client/api.js";
import { cacheGroup } from "../client/group_cache.js";
import { currentUserId } from "../client/session.js";
import { fill, h, setTitle } from "../elements/dom.js";
import { button, statusCard } from "../elements/feedback.js";
import { openDialog, parseTags, tagsField } from "../elements/forms.js";
import { groupAvatar, groupTags, memberCount, roleChip, visibilityLabel } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { pagedList } from "../elements/lists.js";
import { showTopics } from "./sidebar.js";

const VISIBILITIES = [
  ["public", "Public: anyone can read, members can write"],
  ["private", "Private: only members can read and write"],
  ["secret", "Secret: only members can find and read it"],
];

/** Returns the fields of a group: name, description, visibility and tags. */
export function groupFields({ name = "", description = "", visibility = "public", tags = [] } = {}) {
  return [
    { name: "name", label: "Name", value: name, autocomplete: "off" },
    { name: "description", label: "Description", kind: "area", value: description ?? "" },
    { name: "visibility", label: "Visibility", kind: "choice", options: VISIBILITIES, value: visibility },
    tagsField(tags),
  ];
}

export async function createGroup() {
  const created = await openDialog({
    title: "New group", action: "Create", fields: groupFields(),
    submit: (values) => post("/groups", { ...values, tags: parseTags(values.tags) }),
  });
  if (!created) return;
  dispatchEvent(new Event("groups-changed"));
  location.hash = `#/groups/${cacheGroup(created).id}`;
}

function groupCard(group) {
  cacheGroup(group);
  return h("article", { class: "card group" }, groupAvatar(group, "big"),
    h("div", { class: "details" },
      h("h2", {}, h("a", { class: "card-link", href: `#/groups/${group.id}` }, group.name)),
      h("p", { class: "facts" }, visibilityLabel(group), memberCount(group), roleChip(group.role)),
      group.description && h("p", { class: "excerpt" }, group.description),
      groupTags(group)),
    group.role && h("span", { class: "chip joined" }, icon("check"), "Joined"));
}

export async function show({ main, aside, signal, query }) {
  setTitle("Groups");
  showTopics(aside, signal);
  const isMine = query.get("mine") === "true";
  const tag = query.get("tag");
  const createButton = () => currentUserId() && button("New group", { icon: "plus", kind: "primary", run: createGroup });
  const filter = (text, href, isCurrent) => h("a", { class: "tab", href, "aria-current": isCurrent ? "page" : null }, text);
  const list = pagedList({
    label: "Groups", kind: "list groups", signal,
    load: (cursor) => get("/groups", { before: cursor, tag, mine: isMine || null }),
    show: groupCard,
    empty: () => statusCard(isMine
      ? { icon: "people", title: "No groups yet", text: "Join a group, or create one.", action: h("a", { class: "button primary", href: "#/" }, "Discover groups") }
      : { icon: "compass", title: "No groups yet", text: "Create the first one.", action: createButton() }),
  });
  fill(main,
    h("header", { class: "page-head" },
      h("div", {}, h("h1", {}, tag ? `Groups about #${tag}` : isMine ? "Your groups" : "Discover groups"),
        h("p", { class: "muted" }, tag ? h("a", { href: "#/" }, "All groups") : "Ask questions, plan together, and share your work.")),
      createButton()),
    currentUserId() && h("nav", { class: "filters", "aria-label": "Filter of groups" },
      filter("All", "#/", !isMine && !tag), filter("Yours", "#/?mine=true", isMine)),
    list.element);
  list.loadMore();
  addEventListener("groups-changed", list.reload, { signal });
}
