// The frame of the page: the router, the side bars, and the state of the connection.

import { clearGroups } from "./client/group_cache.js";
import { live } from "./client/live.js";
import { currentUserId, signOut, token } from "./client/session.js";
import { fill, h, setTitle } from "./elements/dom.js";
import { statusCard, toast } from "./elements/feedback.js";
import { icon } from "./elements/icons.js";
import { avatar, nameOf } from "./elements/users.js";
import * as account from "./views/account.js";
import * as group from "./views/group.js";
import * as groups from "./views/groups.js";
import * as search from "./views/search.js";
import { ownGroups } from "./views/sidebar.js";
import * as thread from "./views/thread.js";

const ROUTES = [
  [/^\/?$/, groups.show],
  [/^\/groups\/([^/]+)(?:\/([a-z]+))?$/, group.show],
  [/^\/posts\/([^/]+)$/, thread.show],
  [/^\/search$/, search.show],
  [/^\/invites\/([^/]+)$/, account.showInvitation],
  [/^\/sign-in$/, account.showSignIn],
  [/^\/you$/, account.showAccount],
];
const BANNER_DELAY_MS = 1500; // shorter interruptions show no banner
const MAX_CACHED_VIEWS = 4;

const byId = (id) => document.getElementById(id);
let view = null;
// Views by the key of their history entry; the last one was left most recently.
const cachedViews = new Map();
let session = new AbortController();
let isFirst = true;

function navigate() {
  const previousHash = view?.hash;
  closeOverlays();
  if (view) cacheView();
  const [path, query = ""] = location.hash.slice(1).split("?");
  account.rememberAddress(location.hash);
  const cached = cachedViews.get(history.state?.key);
  cachedViews.delete(cached?.key);
  view = cached ?? newView();
  view.hash = location.hash;
  history.replaceState({ key: view.key }, "");
  fill(byId("main"), view.main);
  fill(byId("about"), view.aside);
  markCurrentLinks(path);
  if (!isFirst) {
    scrollTo(0, view.scrollTop);
    byId("main").focus({ preventScroll: true });
  }
  isFirst = false;
  if (cached) document.title = cached.title;
  else open(path, query, previousHash);
}

function newView() {
  return {
    key: `${Date.now()} ${Math.random()}`, main: h("div", { class: "view" }), aside: h("div", {}),
    controller: new AbortController(), scrollTop: 0,
  };
}

/** Closes the menu and the dialog of the view. */
function closeOverlays() {
  document.querySelector(":popover-open")?.hidePopover();
  document.querySelector("dialog[open]")?.close();
}

/** Caches the current view for the way back. It still receives events; the oldest view is evicted. */
function cacheView() {
  Object.assign(view, { scrollTop: scrollY, title: document.title });
  cachedViews.set(view.key, view);
  if (cachedViews.size > MAX_CACHED_VIEWS) {
    const [oldest] = cachedViews.values();
    cachedViews.delete(oldest.key);
    oldest.controller.abort();
  }
}

function open(path, query, previousHash) {
  const { main, aside, controller: { signal } } = view;
  for (const [pattern, show] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    show({
      main, aside, signal, previousHash, query: new URLSearchParams(query), onUserChange: resetSession, onSignOut: endSession,
      params: match.slice(1).filter((each) => each !== undefined).map(decodeURIComponent),
    });
    return;
  }
  setTitle("Not found");
  fill(main, statusCard({
    level: "h1", icon: "compass", title: "Page not found", text: "Check the address, or open the list of groups.",
    action: h("a", { class: "button primary", href: "#/" }, "All groups"),
  }));
}

function navLink(iconName, text, href, kind = "side-link") {
  return h("a", { class: kind, href, data: { path: href.slice(1) } }, icon(iconName), h("span", { class: "label" }, text));
}

function drawFrame() {
  session.abort();
  session = new AbortController();
  const user = currentUserId();
  fill(byId("side"),
    h("a", { class: "brand", href: "#/" }, h("span", { class: "logo", "aria-hidden": "true" }, h("i"), h("i")), "Communities"),
    searchForm(),
    h("div", { class: "side-list" }, navLink("compass", "Discover", "#/"),
      user && h("button", { type: "button", class: "side-link", onclick: groups.createGroup }, icon("plus"), h("span", { class: "label" }, "New group"))),
    user && ownGroups(session.signal),
    h("div", { class: "side-foot" }, user
      ? [h("a", { class: "side-link", href: "#/you" }, avatar(user, "avatar-small"), h("span", { class: "label" }, nameOf(user))),
        h("button", { type: "button", class: "icon-button", "aria-label": "Sign out", title: "Sign out", onclick: endSession }, icon("door"))]
      : h("a", { class: "button primary wide", href: "#/sign-in" }, "Sign in")));
  fill(byId("tabs"),
    navLink("compass", "Discover", "#/", "tab-link"),
    user && navLink("people", "Yours", "#/?mine=true", "tab-link"),
    navLink("search", "Search", "#/search", "tab-link"),
    navLink("person", user ? "You" : "Sign in", user ? "#/you" : "#/sign-in", "tab-link"));
}

function searchForm() {
  const input = h("input", { type: "search", placeholder: "Search", "aria-label": "Search everything", autocomplete: "off" });
  const search = (event) => {
    event.preventDefault();
    location.hash = `#/search?q=${encodeURIComponent(input.value.trim())}`;
    input.value = "";
  };
  return h("form", { class: "search-box slim", role: "search", "aria-label": "Everything", onsubmit: search }, icon("search"), input);
}

function markCurrentLinks(path) {
  const current = location.hash === "#/?mine=true" ? "/?mine=true" : path || "/";
  for (const link of document.querySelectorAll("[data-path]")) {
    if (link.dataset.path === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.classList.toggle("without-sides", path === "/sign-in");
}

/** Drops everything that the previous user has read. */
function resetSession() {
  for (const each of [view, ...cachedViews.values()]) each.controller.abort();
  view = null;
  cachedViews.clear();
  clearGroups();
  session.abort();
  live.reset();
  drawFrame();
}

function endSession() {
  signOut();
  resetSession();
  if (location.hash === "#/sign-in") navigate();
  else location.hash = "#/sign-in";
}

let bannerTimer = 0;

function showConnectionState() {
  clearTimeout(bannerTimer);
  const banner = byId("banner");
  const warn = (text) => fill(banner, h("p", {}, icon("wifiOff"), text));
  if (!navigator.onLine) {
    warn("You are offline. This page may be out of date; it updates when the connection returns.");
  } else if (live.state === "reconnecting") {
    bannerTimer = setTimeout(() => warn("Connection lost. Reconnecting…"), BANNER_DELAY_MS);
  } else if (banner.firstChild) {
    fill(banner);
    toast("Connection restored.");
  }
}

live.addEventListener("change", showConnectionState);
addEventListener("online", showConnectionState);
addEventListener("offline", showConnectionState);
addEventListener("hashchange", navigate);
addEventListener("session-ended", () => {
  if (!token()) return;
  toast("Your token is no longer valid. Sign in again.", { isError: true });
  endSession();
});
byId("skip").addEventListener("click", () => byId("main").focus());

history.scrollRestoration = "manual";
drawFrame();
if (!location.hash) history.replaceState(null, "", currentUserId() ? "#/?mine=true" : "#/sign-in");
navigate();
