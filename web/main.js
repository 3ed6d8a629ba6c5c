// The frame around the views: the way from an address to a view, the sides, the state of the connection.

import { fill, h, icon, titled } from "./elements/dom.js";
import * as group from "./views/group.js";
import * as groups from "./views/groups.js";
import { live } from "./client/live.js";
import { state, toast } from "./elements/parts.js";
import { face, nameOf } from "./elements/identity.js";
import * as search from "./views/search.js";
import { me, signOut, token } from "./client/session.js";
import * as thread from "./views/thread.js";
import * as welcome from "./views/account.js";

const ROUTES = [
  [/^\/?$/, groups.show],
  [/^\/groups\/([^/]+)(?:\/([a-z]+))?$/, group.show],
  [/^\/posts\/([^/]+)$/, thread.show],
  [/^\/search$/, search.show],
  [/^\/invites\/([^/]+)$/, welcome.invitation],
  [/^\/sign-in$/, welcome.show],
  [/^\/you$/, welcome.you],
];
const PATIENCE = 1500; // milliseconds of a lost connection before it is spoken of
const KEPT = 4; // views that are kept for the way back

const part = (id) => document.getElementById(id);
let view = null;
// By the key of their entry in the history, the one that was left last at the end.
const kept = new Map();
let person = new AbortController();
let isFirst = true;

function navigate() {
  const from = view?.hash;
  close();
  if (view) putAway();
  const [path, words = ""] = location.hash.slice(1).split("?");
  welcome.remember(location.hash);
  const known = kept.get(history.state?.key);
  kept.delete(known?.key);
  view = known ?? { key: `${Date.now()} ${Math.random()}`, place: h("div", { class: "view" }), about: h("div", {}), leaving: new AbortController(), top: 0 };
  view.hash = location.hash;
  history.replaceState({ key: view.key }, "");
  fill(part("main"), view.place);
  fill(part("about"), view.about);
  mark(path);
  if (!isFirst) {
    scrollTo(0, view.top);
    part("main").focus({ preventScroll: true });
  }
  isFirst = false;
  if (known) document.title = known.title;
  else open(path, words, from);
}

/** What was opened above a view goes with it. */
function close() {
  document.querySelector(":popover-open")?.hidePopover();
  document.querySelector("dialog[open]")?.close();
}

/** Keeps what is shown as it is, and listening, for somebody who comes back to it. */
function putAway() {
  Object.assign(view, { top: scrollY, title: document.title });
  kept.set(view.key, view);
  if (kept.size > KEPT) {
    const [oldest] = kept.values();
    kept.delete(oldest.key);
    oldest.leaving.abort();
  }
}

function open(path, words, from) {
  const { place, about, leaving: { signal } } = view;
  for (const [pattern, show] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    show({
      place, about, signal, from, query: new URLSearchParams(words), changed: somebodyElse, leave,
      params: match.slice(1).filter((each) => each !== undefined).map(decodeURIComponent),
    });
    return;
  }
  titled("Not found");
  fill(place, state({ level: "h1", drawing: "compass", title: "There is no such page", words: "The address may be an old one.", action: h("a", { class: "button primary", href: "#/" }, "All groups") }));
}

function link(drawing, words, href, kind = "side-link") {
  return h("a", { class: kind, href, data: { path: href.slice(1) } }, icon(drawing), h("span", { class: "label" }, words));
}

function frame() {
  person.abort();
  person = new AbortController();
  const box = h("input", { type: "search", placeholder: "Search", "aria-label": "Search everything", autocomplete: "off" });
  fill(part("side"),
    h("a", { class: "brand", href: "#/" }, h("span", { class: "logo", "aria-hidden": "true" }, h("i"), h("i")), "Communities"),
    h("form", { class: "search-box slim", role: "search", "aria-label": "Everything", onsubmit: (event) => { event.preventDefault(); location.hash = `#/search?q=${encodeURIComponent(box.value.trim())}`; box.value = ""; } }, icon("search"), box),
    h("div", { class: "side-list" }, link("compass", "Discover", "#/"),
      me() && h("button", { type: "button", class: "side-link", onclick: groups.newGroup }, icon("plus"), h("span", { class: "label" }, "New group"))),
    me() && groups.ownGroups(person.signal),
    h("div", { class: "side-foot" }, me()
      ? [h("a", { class: "side-link", href: "#/you" }, face(me(), "small-face"), h("span", { class: "label" }, nameOf(me()))),
        h("button", { type: "button", class: "bare", "aria-label": "Sign out", title: "Sign out", onclick: leave }, icon("door"))]
      : h("a", { class: "button primary wide", href: "#/sign-in" }, "Sign in")));
  fill(part("tabs"), link("compass", "Discover", "#/", "tab-link"), me() && link("people", "Yours", "#/?mine=true", "tab-link"),
    link("search", "Search", "#/search", "tab-link"), link("person", me() ? "You" : "Sign in", me() ? "#/you" : "#/sign-in", "tab-link"));
}

function mark(path) {
  const here = location.hash === "#/?mine=true" ? "/?mine=true" : path || "/";
  for (const each of document.querySelectorAll("[data-path]")) {
    if (each.dataset.path === here) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  document.body.classList.toggle("alone", path === "/sign-in");
}

function somebodyElse() {
  for (const each of [view, ...kept.values()]) each.leaving.abort();
  view = null;
  kept.clear();
  groups.forget();
  person.abort();
  live.reset();
  frame();
}

function leave() {
  signOut();
  somebodyElse();
  if (location.hash === "#/sign-in") navigate();
  else location.hash = "#/sign-in";
}

let timer = 0;

function tellConnection() {
  clearTimeout(timer);
  const banner = part("banner");
  if (!navigator.onLine) fill(banner, h("p", {}, icon("wifiOff"), "You are offline. What you see may be old; it goes on by itself."));
  else if (live.state === "lost") timer = setTimeout(() => fill(banner, h("p", {}, icon("wifiOff"), "The connection is lost. Trying to get it back…")), PATIENCE);
  else if (banner.firstChild) {
    fill(banner);
    toast("You are connected again.");
  }
}

live.addEventListener("change", tellConnection);
addEventListener("online", tellConnection);
addEventListener("offline", tellConnection);
addEventListener("hashchange", navigate);
addEventListener("session-ended", () => {
  if (!token()) return;
  toast("Your token is not valid any more. Please sign in again.", { bad: true });
  leave();
});
part("skip").addEventListener("click", () => part("main").focus());

history.scrollRestoration = "manual";
frame();
if (!location.hash) history.replaceState(null, "", me() ? "#/?mine=true" : "#/sign-in");
navigate();
