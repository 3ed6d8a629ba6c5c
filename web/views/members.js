// The members of a group, and what may be done with one.

import { get, put, remove } from "../client/api.js";
import { h, icon } from "../elements/dom.js";
import { dialog, endless, menu, state, toast } from "../elements/parts.js";
import { face, isAtLeast, nameOf, person, roleChip, ROLES } from "../elements/identity.js";
import { me } from "../client/session.js";
import { day, exact } from "../elements/text.js";

const HOUR = 3600_000;
const SPANS = [[1, "For an hour"], [24, "For a day"], [168, "For a week"], [720, "For thirty days"]];

export function list({ group, signal, changed, hear }) {
  const { id } = group();
  const members = endless({
    label: "Members", kind: "card rows", signal,
    load: (cursor) => get(`/groups/${id}/members`, { after: cursor, limit: 50 }),
    show: (member) => row(member, group, changed),
    empty: () => state({ drawing: "people", title: "Nobody is here", words: "Invite somebody." }),
  });
  hear((type) => (type === "resync" || type.startsWith("member.")) && members.reload());
  members.more();
  return [
    isAtLeast(group(), "admin") && h("p", { class: "bar-line" }, h("button", { type: "button", class: "button", onclick: () => add(group()) }, icon("plus"), "Add somebody")),
    members.element,
  ];
}

function row(member, group) {
  const isMuted = member.muted_until && new Date(member.muted_until) > Date.now();
  return h("div", { class: "row" }, face(member.user_id),
    h("div", { class: "who" }, h("span", { class: "names" }, person(member.user_id)), h("span", { class: "muted small" }, `Since ${day(member.joined_at)}`)),
    isMuted && h("span", { class: "chip", title: `Until ${exact(member.muted_until)}` }, "Muted"), roleChip(member.role),
    isAtLeast(group(), "moderator") && member.user_id !== me() && menu(`More about ${nameOf(member.user_id)}`, () => items(member, group(), isMuted)));
}

function items(member, group, isMuted) {
  const path = `/groups/${group.id}/members/${member.user_id}`;
  const name = nameOf(member.user_id);
  const isAdmin = isAtLeast(group, "admin");
  return [
    isMuted ? ["Unmute", "bell", async () => { await remove(`${path}/mute`); toast(`${name} may write again.`); }] : ["Mute", "bell", () => mute(path, name)],
    isAdmin && ["Change the role", "key", () => changeRole(path, name, member.role)],
    isAdmin && ["Remove from the group", "door", () => kick(path, name), "danger"],
    isAdmin && ["Ban", "flag", () => ban(path, name), "danger"],
  ];
}

function mute(path, name) {
  return dialog({
    title: `Mute ${name}`, words: "They read and react, and write nothing.", action: "Mute",
    fields: [{ name: "hours", label: "How long", kind: "choice", value: 24, options: SPANS }],
    submit: async ({ hours }) => {
      await put(`${path}/mute`, { until: new Date(Date.now() + hours * HOUR).toISOString() });
      toast(`${name} is muted.`);
    },
  });
}

function changeRole(path, name, role) {
  return dialog({
    title: `The role of ${name}`, fields: [{ name: "role", label: "Role", kind: "choice", value: role, options: ROLES.map((each) => [each, each]) }],
    submit: async (values) => {
      await put(path, values);
      toast(`${name} is ${values.role} now.`);
    },
  });
}

function kick(path, name) {
  return dialog({
    title: `Remove ${name}?`, words: "They may come back as anybody may.", action: "Remove", danger: true,
    submit: async () => { await remove(path); toast(`${name} was removed.`); },
  });
}

function ban(path, name) {
  return dialog({
    title: `Ban ${name}?`, words: "They are out of the group, and can’t join again until the ban is lifted.", action: "Ban", danger: true,
    fields: [
      { name: "reason", label: "Reason", hint: "Admins alone read it." },
      { name: "hours", label: "How long", kind: "choice", value: "", options: [["", "For good"], ...SPANS] },
    ],
    submit: async ({ reason, hours }) => {
      await put(`${path}/ban`, { reason: reason.trim() || null, until: hours ? new Date(Date.now() + hours * HOUR).toISOString() : null });
      toast(`${name} is banned.`);
    },
  });
}

function add(group) {
  return dialog({
    title: "Add somebody", action: "Add",
    fields: [{ name: "user_id", label: "Id", hint: "Of the user" }, { name: "role", label: "Role", kind: "choice", value: "member", options: ROLES.map((each) => [each, each]) }],
    submit: async ({ user_id, role }) => {
      await put(`/groups/${group.id}/members/${encodeURIComponent(user_id.trim())}`, { role });
      toast(`${nameOf(user_id.trim())} is in the group.`);
    },
  });
}
