// Groups: what is known of them, the reader's own at the side, and the page where others are found.

import { get, post } from "../client/api.js";
import { fill, h, icon, titled } from "../elements/dom.js";
import { live } from "../client/live.js";
import { button, dialog, endless, state } from "../elements/parts.js";
import { badge, roleChip, visibility } from "../elements/identity.js";
import { tagsOf } from "../posts/post.js";
import { me } from "../client/session.js";
import { count } from "../elements/text.js";

const cards = new Map();
const MOST_HEARD = 20; // groups whose news are counted at the side

export const knownGroup = (id) => cards.get(id);

export async function groupOf(id) {
  return keep(await get(`/groups/${id}`));
}

/** What one reader may know of groups is not for the next one. */
export function forget() {
  cards.clear();
}

export function keep(group) {
  cards.set(group.id, group);
  return group;
}

export const VISIBILITIES = [
  ["public", "Public: anybody can read, members write"],
  ["private", "Private: members alone read and write"],
  ["secret", "Secret: nobody else knows of it"],
];

export async function newGroup() {
  const made = await dialog({
    title: "New group", action: "Create",
    fields: [
      { name: "name", label: "Name", autocomplete: "off" },
      { name: "description", label: "Description", kind: "area", rows: 3 },
      { name: "visibility", label: "Who can see it", kind: "choice", options: VISIBILITIES, value: "public" },
      { name: "tags", label: "Tags", hint: "With commas between them" },
    ],
    submit: (values) => post("/groups", { ...values, tags: tagsOf(values.tags) }),
  });
  if (!made) return;
  dispatchEvent(new Event("groups-changed"));
  location.hash = `#/groups/${keep(made).id}`;
}

export function groupCard(group) {
  keep(group);
  return h("article", { class: "card group" }, badge(group, "big"),
    h("div", { class: "what" },
      h("h2", {}, h("a", { class: "whole-card", href: `#/groups/${group.id}` }, group.name)),
      h("p", { class: "facts" }, visibility(group), h("span", { class: "fact" }, icon("people"), count(group.members_count, "member")), roleChip(group.role)),
      group.description && h("p", { class: "excerpt" }, group.description),
      group.tags.length > 0 && h("p", { class: "tags" }, group.tags.map((tag) => h("a", { class: "tag", href: `#/?tag=${encodeURIComponent(tag)}` }, `#${tag}`)))),
    group.role && h("span", { class: "chip in" }, icon("check"), "Joined"));
}

/** #/: all groups, or the reader's own. */
export async function show({ place, about, signal, query }) {
  titled("Groups");
  topics(about, signal);
  const isMine = query.get("mine") === "true";
  const tag = query.get("tag");
  const filter = (words, href, isOn) => h("a", { class: "tab", href, "aria-current": isOn ? "page" : null }, words);
  const list = endless({
    label: "Groups", kind: "list groups", signal,
    load: (cursor) => get("/groups", { before: cursor, tag, mine: isMine || null }),
    show: groupCard,
    empty: () => state(isMine
      ? { drawing: "people", title: "You are in no group yet", words: "Look around and join one, or begin your own.", action: h("a", { class: "button primary", href: "#/" }, "Look around") }
      : { drawing: "compass", title: "No groups here yet", words: "Somebody has to be the first.", action: me() && button("New group", { drawing: "plus", kind: "primary", run: newGroup }) }),
  });
  fill(place, h("header", { class: "page-head" },
    h("div", {}, h("h1", {}, tag ? `Groups about #${tag}` : isMine ? "Your groups" : "Find your people"),
      h("p", { class: "muted" }, tag ? h("a", { href: "#/" }, "All groups") : "Places to ask, to plan and to show what you made.")),
    me() && button("New group", { drawing: "plus", kind: "primary", run: newGroup })),
  me() && h("nav", { class: "filters", "aria-label": "Which groups" }, filter("All", "#/", !isMine && !tag), filter("Yours", "#/?mine=true", isMine)), list.element);
  list.more();
  addEventListener("groups-changed", list.reload, { signal });
}

/** What is written about, at the side of where somebody looks around. */
export async function topics(about, signal) {
  let page;
  try {
    page = await get("/tags", { limit: 100 });
  } catch {
    // The view beside it says what is wrong.
    return;
  }
  const used = page.items.filter((tag) => tag.posts_count > 0).sort((one, other) => other.posts_count - one.posts_count).slice(0, 16);
  if (signal.aborted || !used.length) return;
  fill(about, h("section", { class: "panel", "aria-label": "Topics" }, h("h2", {}, "Topics"),
    h("ul", { class: "topics" }, used.map((tag) => h("li", {}, h("a", { href: `#/search?q=${encodeURIComponent(tag.tag)}` },
      h("span", { class: "label" }, `#${tag.tag}`), h("span", { class: "muted small" }, count(tag.posts_count, "post"))))))));
}

/** The reader's own groups, with a number where something new was posted meanwhile. */
export function ownGroups(signal) {
  const element = h("div", { class: "own" });
  const news = new Map();
  let listening = new AbortController();

  async function load() {
    if (!me()) return;
    let page;
    try {
      page = await get("/groups", { mine: true, limit: 50 });
    } catch {
      // The page beside says what is wrong; this is tried again with the next change.
      return;
    }
    if (signal.aborted) return;
    listening.abort();
    listening = new AbortController();
    const heard = AbortSignal.any([signal, listening.signal]);
    fill(element, h("h2", { class: "side-title" }, "Your groups"),
      page.items.length ? h("ul", { class: "side-list" }, page.items.map((group) => row(keep(group)))) : h("p", { class: "muted small pad" }, "None yet."));
    page.items.slice(0, MOST_HEARD).forEach((group) => live.join(`/groups/${group.id}`, {
      told: (type, event) => type === "post.created" && event.actor_id !== me() && tell(group.id),
    }, heard));
    mark();
  }

  function row(group) {
    const number = h("span", { class: "news", hidden: true });
    news.set(group.id, { number, count: 0 });
    return h("li", {}, h("a", { class: "side-link", href: `#/groups/${group.id}`, data: { group: group.id } }, badge(group, "small-face"), h("span", { class: "label" }, group.name), number));
  }

  function tell(id) {
    if (location.hash.startsWith(`#/groups/${id}`)) return;
    const entry = news.get(id);
    entry.count += 1;
    entry.number.hidden = false;
    entry.number.textContent = entry.count;
    entry.number.setAttribute("aria-label", count(entry.count, "new post"));
  }

  function mark() {
    for (const link of element.querySelectorAll("[data-group]")) {
      const isHere = location.hash.startsWith(`#/groups/${link.dataset.group}`);
      if (isHere) {
        link.setAttribute("aria-current", "page");
        Object.assign(news.get(link.dataset.group), { count: 0 }).number.hidden = true;
      } else link.removeAttribute("aria-current");
    }
  }

  addEventListener("groups-changed", load, { signal });
  addEventListener("hashchange", mark, { signal });
  load();
  return element;
}
