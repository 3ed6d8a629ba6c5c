// #/groups/<id>/<tab>: the header of a group, its tabs, and the content of one tab.

import { cachedGroup, fetchGroup } from "../client/group_cache.js";
import { live } from "../client/live.js";
import { isAtLeast } from "../client/roles.js";
import { currentUserId, hasJoinRequest, rememberJoinRequest } from "../client/session.js";
import { fill, h, setTitle } from "../elements/dom.js";
import { failureCard, reportError, skeletons, statusCard } from "../elements/feedback.js";
import { icon } from "../elements/icons.js";
import { feed } from "./feed.js";
import { aboutPanel, groupHeader, teamPanel } from "./group_header.js";
import { managementTabs } from "./management.js";
import { memberList } from "./members.js";

const TABS = [
  ["", "Posts"], ["members", "Members"], ["about", "About"], ["requests", "Requests", "admin"], ["invites", "Invites", "admin"],
  ["bans", "Bans", "admin"], ["deleted", "Deleted", "moderator"], ["settings", "Settings", "admin"],
];
const REFRESH_DELAY_MS = 150; // events within the delay cause one request

export async function show({ main, aside, signal, params: [id, tab = ""], query }) {
  let group = cachedGroup(id);
  const notice = h("div", { role: "alert" });
  const header = h("div", {});
  const tabs = h("nav", { class: "filters tabs-row", "aria-label": "Sections of the group" });
  const body = h("div", {});
  const subscribers = new Set();
  let refreshTimer = 0;
  let team = null;
  let wasMember = false;
  // The observer also reports that the view is shown again, which has reset the scroll position.
  new ResizeObserver(() => revealCurrentTab(tabs)).observe(tabs);
  if (group) drawFrame();
  else fill(main, skeletons(4));

  await live.follow(`/groups/${id}`, {
    onEvent(type, event) {
      subscribers.forEach((receive) => receive(type, event));
      if (type.startsWith("member.") || type.startsWith("group.")) onGroupEvent(type, event);
    },
    onResync() {
      subscribers.forEach((receive) => receive("resync"));
      refresh();
    },
    onEnd: checkAccess,
  }, signal);
  if (!signal.aborted) await open();

  async function open() {
    try {
      group = await fetchGroup(id);
    } catch (problem) {
      if (!signal.aborted) fill(main, failureCard(problem, open, "h1"));
      return;
    }
    if (signal.aborted) return;
    drawFrame();
    drawContent();
  }

  function drawFrame() {
    if (main.isConnected) setTitle(group.name);
    if (group.role) {
      wasMember = true;
      rememberJoinRequest(id, false);
    }
    const isNew = header.parentNode !== main;
    if (isNew) fill(main, notice, header, tabs, body);
    fill(header, groupHeader(group, reload));
    const offered = TABS.filter(([, , role]) => !role || isAtLeast(group, role));
    // Unchanged tabs keep the scroll position and the focus.
    if (isNew || offered.length !== tabs.children.length) {
      fill(tabs, offered.map(([key, text]) => h("a", {
        class: `tab tab-${key || "posts"}`, href: `#/groups/${id}${key && `/${key}`}`, "aria-current": key === tab ? "page" : null,
      }, text)));
      revealCurrentTab(tabs);
      // The view may be attached before the next frame, which resets the scroll position.
      requestAnimationFrame(() => revealCurrentTab(tabs));
    }
    drawAside();
  }

  /** Draws the side bar. It omits the description while the tab About shows it. */
  function drawAside() {
    fill(aside, tab !== "about" && aboutPanel(group), team);
  }

  function drawContent() {
    subscribers.clear();
    const context = { group: () => group, signal, subscribe: (receive) => subscribers.add(receive), onChange: reload };
    const isHidden = group.visibility !== "public" && !group.role;
    const contents = {
      "": () => feed(context, query),
      about: () => aboutPanel(group, "card pad about-card"),
      members: () => memberList(context),
      ...managementTabs(context),
    };
    fill(body, isHidden && tab !== "about" ? membersOnlyCard(group) : (contents[tab] ?? contents[""])());
    team = isHidden ? null : teamPanel(context);
    drawAside();
  }

  /** Reads the group again after the user has changed it or joined or left it. */
  async function reload() {
    dispatchEvent(new Event("groups-changed"));
    await open();
  }

  function onGroupEvent(type, event) {
    const isSelf = event.data?.user_id === currentUserId();
    if (isSelf && type === "member.banned") {
      showNotice("flag", "You have been banned from this group.");
      dispatchEvent(new Event("groups-changed"));
    }
    if (isSelf && ["member.joined", "member.unbanned"].includes(type)) fill(notice);
    clearTimeout(refreshTimer);
    refreshTimer = setTimeout(refresh, REFRESH_DELAY_MS);
  }

  function showNotice(iconName, text) {
    fill(notice, h("p", { class: "notice error" }, icon(iconName), text));
  }

  /** Reads the group again. Draws the content again only if the user's role or the visibility has changed. */
  async function refresh() {
    try {
      const previous = group;
      group = await fetchGroup(id);
      if (signal.aborted) return;
      drawFrame();
      if (previous.role !== group.role || previous.visibility !== group.visibility) drawContent();
    } catch {
      if (!signal.aborted) checkAccess();
    }
  }

  /** Shows what the user still may see after the service has ended the subscription. */
  async function checkAccess() {
    try {
      group = await fetchGroup(id);
      if (signal.aborted) return;
      drawFrame();
      drawContent();
      if (wasMember && group.visibility !== "public" && !group.role) showNotice("door", "You are no longer a member of this group.");
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status !== 404) {
        reportError(problem);
        return;
      }
      fill(aside);
      fill(main, h("div", { role: "alert" }, statusCard({
        level: "h1", icon: "door", title: "Group not available", text: "It was deleted or hidden, or you are no longer a member.",
        action: h("a", { class: "button primary", href: "#/" }, "All groups"),
      })));
    }
    dispatchEvent(new Event("groups-changed"));
  }
}

/** Scrolls the row of tabs, which is wider than a phone, so that the open tab is in its middle. */
function revealCurrentTab(tabs) {
  const current = tabs.querySelector("[aria-current]");
  if (!current) return;
  const [row, box] = [tabs, current].map((each) => each.getBoundingClientRect());
  tabs.scrollLeft += box.left + box.width / 2 - row.left - row.width / 2;
}

function membersOnlyCard(group) {
  const text = group.visibility !== "private" ? "Ask an admin for an invitation."
    : hasJoinRequest(group.id) ? "Your request to join is waiting for an admin." : "Request to join. An admin decides about the request.";
  return statusCard({ icon: "lock", title: "Members only", text });
}
