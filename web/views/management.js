// What admins and moderators see besides: requests, invitations, bans, deleted posts, settings.

import { get, patch, post, remove } from "../client/api.js";
import { h, icon } from "../elements/dom.js";
import { VISIBILITIES } from "./groups.js";
import { button, complain, copy, dialog, endless, formOf, state, toast } from "../elements/parts.js";
import { badge, face, nameOf, person } from "../elements/identity.js";
import { send } from "../posts/media.js";
import { postCard, tagsOf } from "../posts/post.js";
import { count, exact, when } from "../elements/text.js";

export function parts(given) {
  return {
    requests: () => requests(given),
    invites: () => invites(given),
    bans: () => bans(given),
    deleted: () => deleted(given),
    settings: () => settings(given),
  };
}

function rows({ signal, hear }, { path, label, show, empty, on }) {
  const list = endless({ label, kind: "card rows", signal, load: (cursor) => get(path, { after: cursor, limit: 50 }), show, empty: () => state(empty) });
  hear((type) => (type === "resync" || type.startsWith(on)) && list.reload());
  list.more();
  return list;
}

function requests(given) {
  const path = `/groups/${given.group().id}/join-requests`;
  const list = rows(given, {
    path, label: "Requests to join", on: "member.",
    empty: { drawing: "people", title: "Nobody is waiting", words: "Who asks to join is listed here." },
    show: (request) => h("div", { class: "row" }, face(request.user_id),
      h("div", { class: "who" }, h("span", { class: "names" }, person(request.user_id)), h("span", { class: "muted small" }, "Asked ", when(request.created_at))),
      h("div", { class: "deeds" }, button("Let in", { drawing: "check", kind: "primary", run: () => decide(request, "approve") }), button("Deny", { run: () => decide(request, "deny") }))),
  });
  async function decide(request, answer) {
    await post(`${path}/${request.user_id}/${answer}`);
    toast(answer === "approve" ? `${nameOf(request.user_id)} is in.` : "The request was denied.");
    await list.reload();
  }
  return list.element;
}

function invites(given) {
  const path = `/groups/${given.group().id}/invites`;
  const list = rows(given, {
    path, label: "Invitations", on: "member.joined",
    empty: { drawing: "link", title: "No invitations", words: "Make one and send its link to whom you like." },
    show: (invite) => h("div", { class: "row" }, h("span", { class: "face square", "data-colour": "none" }, icon("link")),
      h("div", { class: "who" }, h("span", { class: "names" }, invite.user_id ? ["For ", person(invite.user_id)] : "For whoever has the link"),
        h("span", { class: "muted small" }, `${count(invite.uses, "time")} used`, invite.max_uses && ` of ${invite.max_uses}`, invite.expires_at && `, until ${exact(invite.expires_at)}`, `, as ${invite.role}`)),
      h("div", { class: "deeds" }, button("Copy link", { drawing: "link", run: () => copy(linkOf(invite), "The link was copied.") }),
        button("Revoke", { run: async () => { await remove(`${path}/${invite.id}`); await list.reload(); } }))),
  });
  const make = button("New invitation", { drawing: "plus", kind: "primary", run: async () => {
    const made = await dialog({
      title: "New invitation", action: "Make it",
      fields: [
        { name: "max_uses", label: "How many may use it", kind: "number", min: 1, hint: "Empty: as many as like" },
        { name: "user_id", label: "Only for", hint: "The id of a user; empty: for anybody" },
      ],
      submit: ({ max_uses, user_id }) => post(path, { ...(max_uses && { max_uses: Number(max_uses) }), ...(user_id.trim() && { user_id: user_id.trim() }) }),
    });
    if (!made) return;
    await list.reload();
    await copy(linkOf(made), "The invitation’s link was copied.");
  } });
  return [h("p", { class: "bar-line" }, make), list.element];
}

function linkOf(invite) {
  return `${location.origin}/#/invites/${invite.code}`;
}

function bans(given) {
  const { id } = given.group();
  const list = rows(given, {
    path: `/groups/${id}/bans`, label: "Bans", on: "member.",
    empty: { drawing: "flag", title: "Nobody is banned", words: "May it stay so." },
    show: (member) => h("div", { class: "row" }, face(member.user_id),
      h("div", { class: "who" }, h("span", { class: "names" }, person(member.user_id)),
        h("span", { class: "muted small" }, member.ban_reason ? `“${member.ban_reason}”` : "No reason was given", member.banned_until && `, until ${exact(member.banned_until)}`)),
      button("Lift the ban", { run: async () => { await remove(`/groups/${id}/members/${member.user_id}/ban`); toast(`${nameOf(member.user_id)} may join again.`); await list.reload(); } })),
  });
  return list.element;
}

function deleted({ group, signal, hear }) {
  const { id } = group();
  const list = endless({
    label: "Deleted posts", kind: "list", signal,
    load: (cursor) => get(`/groups/${id}/posts`, { deleted: true, before: cursor }),
    show: (found) => postCard(found, { group }).element,
    empty: () => state({ drawing: "trash", title: "Nothing was deleted", words: "Deleted posts are kept here, and can be restored." }),
  });
  hear((type) => ["resync", "post.deleted", "post.restored"].includes(type) && list.reload());
  list.more();
  return list.element;
}

function settings({ group, changed, signal }) {
  const shown = group();
  const form = formOf({
    action: "Save",
    fields: [
      { name: "name", label: "Name", value: shown.name },
      { name: "slug", label: "Short name", value: shown.slug, hint: "Small letters, digits and hyphens" },
      { name: "description", label: "Description", kind: "area", value: shown.description ?? "" },
      { name: "visibility", label: "Who can see it", kind: "choice", options: VISIBILITIES, value: shown.visibility },
      { name: "tags", label: "Tags", value: shown.tags.join(", "), hint: "With commas between them" },
      { name: "is_locked", label: "Locked: members read, and post nothing new", kind: "checkbox", value: shown.is_locked },
    ],
    submit: async (values) => {
      await save({ ...values, tags: tagsOf(values.tags) });
      toast("Saved.");
    },
  });

  async function save(fields) {
    await patch(`/groups/${shown.id}`, fields);
    await changed();
  }

  const picture = (label, purpose) => {
    const bar = h("progress", { max: 1, hidden: true, "aria-label": `Upload of the ${purpose}` });
    const input = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-label": label, onchange: async () => {
      const [file] = input.files;
      if (!file) return;
      bar.hidden = false;
      try {
        await save({ [`${purpose}_key`]: await send(file, purpose, { told: (share) => { bar.value = share; }, signal }) });
      } catch (problem) {
        complain(problem);
      } finally {
        bar.hidden = true;
      }
    } });
    return [button(label, { drawing: "image", run: async () => input.click() }), input, bar];
  };

  return h("section", { class: "card pad settings", "aria-label": "Settings" }, h("h2", {}, "Settings"),
    h("div", { class: "picture-line" }, badge(shown, "huge"), picture("Change the picture", "avatar"), picture("Change the cover", "cover")), form);
}
