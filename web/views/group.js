// A group: its head and tabs, its feed with what comes in live, and what is told about it.

import { get, post, remove } from "../client/api.js";
import { postComposer } from "../posts/composer.js";
import { fill, h, icon, speak, titled } from "../elements/dom.js";
import { groupOf, keep, knownGroup } from "./groups.js";
import { live } from "../client/live.js";
import * as manage from "./management.js";
import * as members from "./members.js";
import { button, complain, dialog, endless, failed, menu, skeletons, state, toast } from "../elements/parts.js";
import { badge, colour, face, isAtLeast, person, roleChip, visibility } from "../elements/identity.js";
import { postCard } from "../posts/post.js";
import { hasAsked, keepAsked, me } from "../client/session.js";
import { count, day, linked } from "../elements/text.js";

const TABS = [
  ["", "Posts"], ["members", "Members"], ["about", "About"], ["requests", "Requests", "admin"], ["invites", "Invites", "admin"],
  ["bans", "Bans", "admin"], ["deleted", "Deleted", "moderator"], ["settings", "Settings", "admin"],
];
const BUSY = 150; // milliseconds in which several changes become one look
const OWN = 3000; // milliseconds in which one's own post is there

/** #/groups/<id>/<tab> */
export async function show({ place, about, signal, params: [id, tab = ""], query }) {
  let group = knownGroup(id);
  const notice = h("div", { role: "alert" });
  const head = h("div", {});
  const tabs = h("nav", { class: "filters tabs-row", "aria-label": "Parts of the group" });
  const body = h("div", {});
  const listeners = new Set();
  let timer = 0;
  let lookedAfter = null;
  let wasIn = false;
  // It also tells when the view is shown again, which has lost where the row was.
  new ResizeObserver(() => reveal(tabs)).observe(tabs);
  if (group) frame();
  else fill(place, skeletons(4));

  const listener = {
    told(type, event) {
      listeners.forEach((hear) => hear(type, event));
      if (type.startsWith("member.") || type.startsWith("group.")) changed(type, event);
    },
    resync: () => { listeners.forEach((hear) => hear("resync")); look(); },
    gone,
  };
  await live.follow(`/groups/${id}`, listener, signal);
  if (!signal.aborted) await open();

  async function open() {
    try {
      group = await groupOf(id);
    } catch (problem) {
      if (!signal.aborted) fill(place, failed(problem, open, "h1"));
      return;
    }
    if (signal.aborted) return;
    frame();
    content();
  }

  function frame() {
    if (place.isConnected) titled(group.name);
    if (group.role) {
      wasIn = true;
      keepAsked(id, false);
    }
    const isNew = head.parentNode !== place;
    if (isNew) fill(place, notice, head, tabs, body);
    fill(head, groupHead(group, again));
    const offered = TABS.filter(([, , role]) => !role || isAtLeast(group, role));
    // What stays as it is keeps its place and the focus.
    if (isNew || offered.length !== tabs.children.length) {
      fill(tabs, offered.map(([key, words]) => h("a", {
        class: `tab tab-${key || "posts"}`, href: `#/groups/${id}${key && `/${key}`}`, "aria-current": key === tab ? "page" : null,
      }, words)));
      reveal(tabs);
      // The view may be attached before the next frame, which resets the scroll position.
      requestAnimationFrame(() => reveal(tabs));
    }
    aside();
  }

  /** What is told at the side, but for what is told in the middle. */
  function aside() {
    fill(about, tab !== "about" && aboutGroup(group), lookedAfter);
  }

  function content() {
    listeners.clear();
    const given = { group: () => group, signal, hear: (what) => listeners.add(what), changed: again };
    const isStranger = group.visibility !== "public" && !group.role;
    const parts = { "": () => feed(given, query), about: () => aboutGroup(group, "card pad about-card"), members: () => members.list(given), ...manage.parts(given) };
    fill(body, isStranger && tab !== "about" ? closed(group) : (parts[tab] ?? parts[""])());
    lookedAfter = isStranger ? null : team(given);
    aside();
  }

  /** The reader has changed something: all of it is looked at again. */
  async function again() {
    dispatchEvent(new Event("groups-changed"));
    await open();
  }

  function changed(type, event) {
    const isMe = event.data?.user_id === me();
    if (isMe && type === "member.banned") {
      fill(notice, h("p", { class: "notice bad" }, icon("flag"), "You have been banned from this group."));
      dispatchEvent(new Event("groups-changed"));
    }
    if (isMe && ["member.joined", "member.unbanned"].includes(type)) fill(notice);
    clearTimeout(timer);
    timer = setTimeout(look, BUSY);
  }

  /** Shows the group as it is now; its content too, if the reader has become somebody else in it. */
  async function look() {
    try {
      const before = group;
      group = await groupOf(id);
      if (signal.aborted) return;
      frame();
      if (before.role !== group.role || before.visibility !== group.visibility) content();
    } catch (problem) {
      if (!signal.aborted) gone(problem.status);
    }
  }

  /** Nothing more is told: is it still to be seen at all? */
  async function gone() {
    try {
      group = await groupOf(id);
      if (signal.aborted) return;
      // The card alone.
      frame();
      content();
      if (wasIn && group.visibility !== "public" && !group.role) fill(notice, h("p", { class: "notice bad" }, icon("door"), "You are not in this group any more."));
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status !== 404) {
        complain(problem);
        return;
      }
      fill(about);
      fill(place, h("div", { role: "alert" }, state({
        level: "h1", drawing: "door", title: "You can’t see this group any more", words: "It was deleted or closed, or you are not in it any longer.",
        action: h("a", { class: "button primary", href: "#/" }, "All groups"),
      })));
    }
    dispatchEvent(new Event("groups-changed"));
  }
}

/** The row is wider than a phone: the tab that is open is brought to its middle. */
function reveal(tabs) {
  const open = tabs.querySelector("[aria-current]");
  if (!open) return;
  const [row, one] = [tabs, open].map((each) => each.getBoundingClientRect());
  tabs.scrollLeft += one.left + one.width / 2 - row.left - row.width / 2;
}

function groupHead(group, again) {
  const cover = h("div", { class: "cover", "data-colour": colour(group.id), "aria-hidden": "true" });
  if (group.cover_url) {
    const image = h("img", { src: group.cover_url, alt: "" });
    image.addEventListener("error", () => image.remove());
    cover.append(image);
  }
  return h("header", { class: "card group-head" }, cover,
    h("div", { class: "head-line" }, badge(group, "huge"),
      h("div", { class: "head-actions" }, action(group, again),
        me() && menu(`More about ${group.name}`, () => items(group, again)))),
    h("h1", {}, group.name),
    h("p", { class: "facts" }, visibility(group), h("a", { class: "fact", href: `#/groups/${group.id}/members` }, icon("people"), count(group.members_count, "member")),
      group.is_locked && h("span", { class: "chip" }, icon("lock"), "Locked"), group.deleted_at && h("span", { class: "chip bad" }, icon("trash"), "Deleted"), roleChip(group.role)));
}

function action(group, again) {
  if (!me()) return h("a", { class: "button primary", href: "#/sign-in" }, "Sign in to join");
  if (group.role) return h("span", { class: "chip in" }, icon("check"), "Joined");
  const run = async () => {
    let answer;
    try {
      answer = await post(`/groups/${group.id}/join`);
    } catch (problem) {
      if (!problem.passes) {
        keepAsked(group.id, false);
        await again();
      }
      throw problem;
    }
    const isPending = answer.status === "pending";
    keepAsked(group.id, isPending);
    toast(isPending ? "You have asked to join." : `Welcome to ${group.name}!`);
    await again();
  };
  // Asking again is the same request, unless it was denied meanwhile.
  if (group.visibility !== "public" && hasAsked(group.id)) return button("Asked to join", { drawing: "check", run });
  return button(group.visibility === "public" ? "Join" : "Ask to join", { drawing: "plus", kind: "primary", run });
}

function items(group, again) {
  return [
    isAtLeast(group, "admin") && !group.deleted_at && ["Settings", "gear", () => { location.hash = `#/groups/${group.id}/settings`; }],
    group.role && ["Leave the group", "door", () => leave(group, again), "danger"],
    group.role === "owner" && (group.deleted_at
      ? ["Restore the group", "restore", async () => { keep(await post(`/groups/${group.id}/restore`)); await again(); }]
      : ["Delete the group", "trash", () => erase(group, again), "danger"]),
    !group.role && ["All groups", "compass", () => { location.hash = "#/"; }],
  ];
}

async function leave(group, again) {
  const isDone = await dialog({ title: `Leave ${group.name}?`, action: "Leave", danger: true, submit: async () => { await post(`/groups/${group.id}/leave`); return true; } });
  if (isDone) await again();
}

async function erase(group, again) {
  const isDone = await dialog({
    title: `Delete ${group.name}?`, words: "Nobody will see it any more. An owner can bring it back.", action: "Delete", danger: true,
    submit: async () => { await remove(`/groups/${group.id}`); return true; },
  });
  if (isDone) await again();
}

function closed(group) {
  const words = group.visibility !== "private" ? "It takes an invitation."
    : hasAsked(group.id) ? "You have asked to join. It opens when an admin lets you in." : "Ask to join, and an admin will let you in.";
  return state({ drawing: "lock", title: "This group is for its members", words });
}

/** What is told about a group at the side, and under its tab on small screens. */
function aboutGroup(group, kind = "panel") {
  return h("section", { class: kind, "aria-label": `About ${group.name}` }, h("h2", {}, "About"),
    h("p", { class: "text" }, group.description ? linked(group.description) : h("span", { class: "muted" }, "Nothing was said about it yet.")),
    h("ul", { class: "about-facts" },
      h("li", {}, visibility(group)), h("li", {}, h("span", { class: "fact" }, icon("people"), count(group.members_count, "member"))),
      h("li", {}, h("span", { class: "fact" }, icon("flag"), `Since ${day(group.created_at)}`))),
    group.tags.length > 0 && h("p", { class: "tags" }, group.tags.map((tag) => h("a", { class: "tag", href: `#/?tag=${encodeURIComponent(tag)}` }, `#${tag}`))));
}

/** Who looks after the group. */
function team({ group, signal, hear }) {
  const path = `/groups/${group().id}/members`;
  const list = h("ul", { class: "team" });
  const element = h("section", { class: "panel", "aria-label": "Who looks after it", hidden: true }, h("h2", {}, "Who looks after it"), list);
  const shown = new Set();

  async function load() {
    let pages;
    try {
      pages = await Promise.all(["owner", "admin", "moderator"].map((role) => get(path, { role, limit: 5 })));
    } catch {
      // The view beside it says what is wrong.
      return;
    }
    if (signal.aborted) return;
    const members = pages.flatMap((page) => page.items);
    shown.clear();
    members.forEach((member) => shown.add(member.user_id));
    element.hidden = false;
    fill(list, members.map((member) => h("li", {}, face(member.user_id, "small-face"), h("span", { class: "names" }, person(member.user_id)), roleChip(member.role))));
  }

  hear((type, event) => {
    const isOurs = type.startsWith("member.") && (event.data.role !== "member" || shown.has(event.data.user_id));
    if (type === "resync" || isOurs) load();
  });
  load();
  return element;
}

/** The posts, newest first; what others post meanwhile waits behind a button, so that nothing jumps. */
function feed({ group, signal, hear }, query) {
  const tag = query.get("tag");
  const { id } = group();
  const cards = new Map();
  const waiting = new Set();
  const timers = new Map();
  const pill = h("button", { type: "button", class: "pill", hidden: true, onclick: showNews });
  const pinned = h("div", {});
  const list = endless({
    label: "Posts", kind: "list", role: "feed", signal,
    load: (cursor) => get(`/groups/${id}/posts`, { before: cursor, tag }),
    show: (post) => (cards.has(post.id) && cards.get(post.id).element.isConnected ? (cards.get(post.id).update(post), null) : card(post)),
    empty: () => state({ drawing: "chat", title: tag ? `Nothing about #${tag} yet` : "Nothing was posted yet", words: group().role ? "Write the first post." : "Join, and write the first post.", action: tag && h("a", { class: "button", href: `#/groups/${id}` }, "All posts") }),
  });

  function card(post) {
    const made = postCard(post, { group, gone: drop });
    cards.set(post.id, made);
    return made.element;
  }

  function drop(post) {
    cards.get(post.id)?.element.remove();
    cards.delete(post.id);
    waiting.delete(post.id);
    tell();
    list.changed();
    loadPinned();
  }

  function tell() {
    pill.hidden = waiting.size === 0;
    if (waiting.size) fill(pill, icon("back"), `${count(waiting.size, "new post")}`);
  }

  function wait(postId) {
    if (cards.has(postId) || signal.aborted) return;
    waiting.add(postId);
    tell();
    if (pill.isConnected) speak(count(waiting.size, "new post"));
  }

  async function showNews() {
    waiting.clear();
    tell();
    await reload();
    scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  function reload() {
    cards.clear();
    loadPinned();
    return list.reload();
  }

  function refreshSoon(postId) {
    // Many events at once, as of reactions, are one look.
    if (timers.has(postId)) return;
    timers.set(postId, setTimeout(() => {
      timers.delete(postId);
      if (!signal.aborted) cards.get(postId)?.refresh();
    }, BUSY));
  }

  hear((type, event) => {
    if (type === "resync") {
      waiting.clear();
      tell();
      reload();
      return;
    }
    const postId = event.post_id;
    if (type === "post.created" || type === "post.restored") {
      if (tag && !event.data.topic_tags.includes(tag)) return;
      // The reader's own comes from the form, unless it was written in another tab.
      if (event.actor_id === me()) setTimeout(() => wait(postId), OWN);
      else wait(postId);
    } else if (type === "post.deleted") drop({ id: postId });
    else if (cards.has(postId)) refreshSoon(postId);
    if (type === "post.pinned" || type === "post.unpinned") loadPinned();
  });

  async function loadPinned() {
    if (tag) return;
    try {
      const page = await get(`/groups/${id}/posts`, { pinned: true, limit: 5 });
      if (signal.aborted) return;
      fill(pinned, page.items.length > 0 && h("section", { class: "card pinned-list", "aria-label": "Pinned posts" },
        page.items.map((post) => h("a", { href: `#/posts/${post.id}` }, icon("pin"), h("span", { class: "label" }, post.title ?? post.body.slice(0, 90))))));
    } catch {
      // The list below it says what is wrong.
      fill(pinned);
    }
  }

  async function made(post, { hasFiles }) {
    list.items.prepend(card(hasFiles ? await get(`/posts/${post.id}`) : post));
    list.changed();
  }

  loadPinned();
  list.more();
  return [
    pinned,
    tag && h("p", { class: "filtered" }, icon("tag"), `Posts about #${tag}`, h("a", { class: "link", href: `#/groups/${id}` }, "Show all")),
    group().role && postComposer(group(), (post, about) => made(post, about).catch(complain)).element,
    h("div", {}, h("div", { class: "pill-place" }, pill), list.element),
  ];
}
