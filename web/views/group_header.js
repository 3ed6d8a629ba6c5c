// The header of a group with its actions, and the panels about the group and its team.

import { get, post, remove } from "../client/api.js";
import { cacheGroup } from "../client/group_cache.js";
import { isAtLeast } from "../client/roles.js";
import { currentUserId, hasJoinRequest, rememberJoinRequest } from "../client/session.js";
import { fill, h, optionalImage } from "../elements/dom.js";
import { button, toast } from "../elements/feedback.js";
import { confirmAction } from "../elements/forms.js";
import { groupAvatar, groupTags, memberCount, roleChip, visibilityLabel } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { menu } from "../elements/menus.js";
import { formatDate, linkify } from "../elements/text.js";
import { avatar, colourOf, userName } from "../elements/users.js";

/** Returns the header. `reload` reads the group again after an action. */
export function groupHeader(group, reload) {
  const cover = h("div", { class: "cover", "data-colour": colourOf(group.id), "aria-hidden": "true" }, group.cover_url && optionalImage(group.cover_url));
  return h("header", { class: "card group-head" }, cover,
    h("div", { class: "head-line" }, groupAvatar(group, "huge"),
      h("div", { class: "head-actions" }, joinAction(group, reload),
        currentUserId() && menu(`Actions for ${group.name}`, () => items(group, reload)))),
    h("h1", {}, group.name),
    h("p", { class: "facts" }, visibilityLabel(group), memberCount(group, `#/groups/${group.id}/members`),
      group.is_locked && h("span", { class: "chip" }, icon("lock"), "Locked"),
      group.deleted_at && h("span", { class: "chip error" }, icon("trash"), "Deleted"),
      roleChip(group.role)));
}

function joinAction(group, reload) {
  if (!currentUserId()) return h("a", { class: "button primary", href: "#/sign-in" }, "Sign in to join");
  if (group.role) return h("span", { class: "chip joined" }, icon("check"), "Joined");
  const run = async () => {
    let answer;
    try {
      answer = await post(`/groups/${group.id}/join`);
    } catch (problem) {
      if (!problem.isTransient) {
        rememberJoinRequest(group.id, false);
        await reload();
      }
      throw problem;
    }
    const isPending = answer.status === "pending";
    rememberJoinRequest(group.id, isPending);
    toast(isPending ? "Request sent." : `Welcome to ${group.name}!`);
    await reload();
  };
  // A second press repeats a pending request, and makes a new one after a denial.
  if (group.visibility !== "public" && hasJoinRequest(group.id)) return button("Requested to join", { icon: "check", run });
  return button(group.visibility === "public" ? "Join" : "Request to join", { icon: "plus", kind: "primary", run });
}

function items(group, reload) {
  const restore = async () => {
    cacheGroup(await post(`/groups/${group.id}/restore`));
    await reload();
  };
  return [
    isAtLeast(group, "admin") && !group.deleted_at && ["Settings", "gear", () => { location.hash = `#/groups/${group.id}/settings`; }],
    group.role && ["Leave the group", "door", () => leaveGroup(group, reload), "danger"],
    group.role === "owner" && (group.deleted_at
      ? ["Restore the group", "restore", restore]
      : ["Delete the group", "trash", () => deleteGroup(group, reload), "danger"]),
    !group.role && ["All groups", "compass", () => { location.hash = "#/"; }],
  ];
}

async function leaveGroup(group, reload) {
  const isDone = await confirmAction({ title: `Leave ${group.name}?`, action: "Leave", run: () => post(`/groups/${group.id}/leave`) });
  if (isDone) await reload();
}

async function deleteGroup(group, reload) {
  const isDone = await confirmAction({
    title: `Delete ${group.name}?`, text: "Its members lose access. An owner can restore it.", action: "Delete",
    run: () => remove(`/groups/${group.id}`),
  });
  if (isDone) await reload();
}

/** Returns the description and facts of a group, for the side bar and for the tab About on small screens. */
export function aboutPanel(group, kind = "panel") {
  return h("section", { class: kind, "aria-label": `About ${group.name}` }, h("h2", {}, "About"),
    h("p", { class: "text" }, group.description ? linkify(group.description) : h("span", { class: "muted" }, "No description yet.")),
    h("ul", { class: "about-facts" },
      h("li", {}, visibilityLabel(group)), h("li", {}, memberCount(group)),
      h("li", {}, h("span", { class: "fact" }, icon("flag"), `Since ${formatDate(group.created_at)}`))),
    groupTags(group));
}

/** Returns the list of owners, admins and moderators. It follows events of members. */
export function teamPanel({ group, signal, subscribe }) {
  const path = `/groups/${group().id}/members`;
  const list = h("ul", { class: "team" });
  const element = h("section", { class: "panel", "aria-label": "Team", hidden: true }, h("h2", {}, "Team"), list);
  const shownIds = new Set();

  async function load() {
    const roles = ["owner", "admin", "moderator"];
    // The view shows the problem if the service is unreachable.
    const pages = await Promise.all(roles.map((role) => get(path, { role, limit: 5 }))).catch(() => null);
    if (!pages || signal.aborted) return;
    const members = pages.flatMap((page) => page.items);
    shownIds.clear();
    members.forEach((member) => shownIds.add(member.user_id));
    element.hidden = false;
    fill(list, members.map((member) => h("li", {},
      avatar(member.user_id, "avatar-small"), h("span", { class: "names" }, userName(member.user_id)), roleChip(member.role))));
  }

  subscribe((type, event) => {
    const isTeam = type.startsWith("member.") && (event.data.role !== "member" || shownIds.has(event.data.user_id));
    if (type === "resync" || isTeam) load();
  });
  load();
  return element;
}
