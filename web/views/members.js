// The members of a group, and the actions of moderators and admins.

import { put, remove } from "../client/api.js";
import { isAtLeast, ROLES } from "../client/roles.js";
import { currentUserId } from "../client/session.js";
import { h } from "../elements/dom.js";
import { toast } from "../elements/feedback.js";
import { confirmAction, openDialog } from "../elements/forms.js";
import { roleChip } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { rowList } from "../elements/lists.js";
import { menu } from "../elements/menus.js";
import { formatDate, formatTime } from "../elements/text.js";
import { avatar, nameOf, nameWithDetails, userName } from "../elements/users.js";

const HOUR_MS = 3_600_000;
const DURATIONS_HOURS = [[1, "1 hour"], [24, "1 day"], [168, "1 week"], [720, "30 days"]];

export function memberList(context) {
  const { group } = context;
  const list = rowList(context, {
    path: `/groups/${group().id}/members`, label: "Members", eventPrefix: "member.",
    empty: { icon: "people", title: "No members", text: "Invite users to join." },
    show: (member) => row(member, group),
  });
  return [
    isAtLeast(group(), "admin") && h("p", { class: "bar-line" },
      h("button", { type: "button", class: "button", onclick: () => addMember(group()) }, icon("plus"), "Add a member")),
    list.element,
  ];
}

function row(member, group) {
  const { user_id: userId, muted_until: mutedUntil } = member;
  const isMuted = mutedUntil && new Date(mutedUntil) > Date.now();
  return h("div", { class: "row" }, avatar(userId),
    nameWithDetails(userName(userId), `Since ${formatDate(member.joined_at)}`),
    isMuted && h("span", { class: "chip", title: `Until ${formatTime(mutedUntil)}` }, "Muted"), roleChip(member.role),
    isAtLeast(group(), "moderator") && userId !== currentUserId() && menu(`Actions for ${nameOf(userId)}`, () => items(member, group(), isMuted)));
}

function items(member, group, isMuted) {
  const path = `/groups/${group.id}/members/${member.user_id}`;
  const name = nameOf(member.user_id);
  const isAdmin = isAtLeast(group, "admin");
  const unmute = async () => {
    await remove(`${path}/mute`);
    toast(`${name} is no longer muted.`);
  };
  return [
    isMuted ? ["Unmute", "bell", unmute] : ["Mute", "bell", () => mute(path, name)],
    isAdmin && ["Change the role", "key", () => changeRole(path, name, member.role)],
    isAdmin && ["Remove from the group", "door", () => removeMember(path, name), "danger"],
    isAdmin && ["Ban", "flag", () => ban(path, name), "danger"],
  ];
}

function timeAfter(hours) {
  return new Date(Date.now() + hours * HOUR_MS).toISOString();
}

function roleField(role) {
  return { name: "role", label: "Role", kind: "choice", value: role, options: ROLES.map((each) => [each, each]) };
}

function mute(path, name) {
  return openDialog({
    title: `Mute ${name}`, text: "Muted members can read and react, but not write.", action: "Mute",
    fields: [{ name: "hours", label: "Duration", kind: "choice", value: 24, options: DURATIONS_HOURS }],
    submit: async ({ hours }) => {
      await put(`${path}/mute`, { until: timeAfter(hours) });
      toast(`${name} is muted.`);
    },
  });
}

function changeRole(path, name, role) {
  return openDialog({
    title: `Change the role of ${name}`, fields: [roleField(role)],
    submit: async (values) => {
      await put(path, values);
      toast(`The role of ${name} is now ${values.role}.`);
    },
  });
}

function removeMember(path, name) {
  return confirmAction({
    title: `Remove ${name}?`, text: "Removed members can join, or request to join, again.", action: "Remove",
    run: async () => { await remove(path); toast(`${name} was removed.`); },
  });
}

function ban(path, name) {
  return openDialog({
    title: `Ban ${name}?`, text: "Banned members leave the group and cannot join it until the ban ends.", action: "Ban", danger: true,
    fields: [
      { name: "reason", label: "Reason", hint: "Only admins can read it." },
      { name: "hours", label: "Duration", kind: "choice", value: "", options: [["", "Permanent"], ...DURATIONS_HOURS] },
    ],
    submit: async ({ reason, hours }) => {
      await put(`${path}/ban`, { reason: reason.trim() || null, until: hours ? timeAfter(hours) : null });
      toast(`${name} is banned.`);
    },
  });
}

function addMember(group) {
  return openDialog({
    title: "Add a member", action: "Add",
    fields: [{ name: "user_id", label: "User id", hint: "A UUID." }, roleField("member")],
    submit: async ({ user_id, role }) => {
      const userId = user_id.trim();
      await put(`/groups/${group.id}/members/${encodeURIComponent(userId)}`, { role });
      toast(`${nameOf(userId)} was added.`);
    },
  });
}
