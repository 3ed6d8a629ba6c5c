// The tabs of a group for admins and moderators: requests, invitations, bans, deleted posts and settings.

import { get, patch, post, remove } from "../client/api.js";
import { h } from "../elements/dom.js";
import { button, copyText, reportError, statusCard, toast } from "../elements/feedback.js";
import { buildForm, fileInput, openDialog, parseTags } from "../elements/forms.js";
import { groupAvatar } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { pagedList, rowList } from "../elements/lists.js";
import { formatTime, quantity, relativeTime } from "../elements/text.js";
import { avatar, nameOf, nameWithDetails, userName } from "../elements/users.js";
import { postCard } from "../posts/post_card.js";
import { uploadFile } from "../posts/uploads.js";
import { groupFields } from "./groups.js";

/** Returns a function for each tab, which returns the tab's content. */
export function managementTabs(context) {
  return {
    requests: () => joinRequests(context),
    invites: () => invitations(context),
    bans: () => bans(context),
    deleted: () => deletedPosts(context),
    settings: () => settings(context),
  };
}

function joinRequests(context) {
  const path = `/groups/${context.group().id}/join-requests`;
  const list = rowList(context, {
    path, label: "Requests to join", eventPrefix: "member.",
    empty: { icon: "people", title: "No requests", text: "Requests to join appear here." },
    show: (request) => h("div", { class: "row" }, avatar(request.user_id),
      nameWithDetails(userName(request.user_id), "Requested ", relativeTime(request.created_at)),
      h("div", { class: "row-actions" },
        button("Approve", { icon: "check", kind: "primary", run: () => decide(request, "approve") }),
        button("Deny", { run: () => decide(request, "deny") }))),
  });
  async function decide(request, decision) {
    await post(`${path}/${request.user_id}/${decision}`);
    toast(decision === "approve" ? `${nameOf(request.user_id)} has joined.` : "Request denied.");
    await list.reload();
  }
  return list.element;
}

function invitations(context) {
  const path = `/groups/${context.group().id}/invites`;
  const list = rowList(context, {
    path, label: "Invitations", eventPrefix: "member.joined",
    empty: { icon: "link", title: "No invitations", text: "Create one and share its link." },
    show: (invite) => h("div", { class: "row" }, h("span", { class: "avatar square", "data-colour": "none" }, icon("link")),
      nameWithDetails(invite.user_id ? ["For ", userName(invite.user_id)] : "For anyone with the link",
        invite.max_uses ? `Used ${invite.uses} of ${quantity(invite.max_uses, "time")}` : `Used ${quantity(invite.uses, "time")}`,
        invite.expires_at && `, until ${formatTime(invite.expires_at)}`, `, as ${invite.role}`),
      h("div", { class: "row-actions" },
        button("Copy link", { icon: "link", run: () => copyText(inviteLink(invite), "Link copied.") }),
        button("Revoke", { run: () => revoke(invite) }))),
  });

  async function revoke(invite) {
    await remove(`${path}/${invite.id}`);
    await list.reload();
  }

  async function create() {
    const created = await openDialog({
      title: "New invitation", action: "Create",
      fields: [
        { name: "max_uses", label: "Maximum uses", kind: "number", min: 1, hint: "Leave empty for no limit." },
        { name: "user_id", label: "User id", hint: "Leave empty to invite anyone with the link." },
      ],
      submit: ({ max_uses, user_id }) => post(path, { ...(max_uses && { max_uses: Number(max_uses) }), ...(user_id.trim() && { user_id: user_id.trim() }) }),
    });
    if (!created) return;
    await list.reload();
    await copyText(inviteLink(created), "Link of the invitation copied.");
  }

  const createButton = button("New invitation", { icon: "plus", kind: "primary", run: create });
  return [h("p", { class: "bar-line" }, createButton), list.element];
}

function inviteLink(invite) {
  return `${location.origin}/#/invites/${invite.code}`;
}

function bans(context) {
  const { id } = context.group();
  const list = rowList(context, {
    path: `/groups/${id}/bans`, label: "Bans", eventPrefix: "member.",
    empty: { icon: "flag", title: "No bans", text: "Banned users appear here." },
    show: (member) => h("div", { class: "row" }, avatar(member.user_id),
      nameWithDetails(userName(member.user_id), member.ban_reason ? `“${member.ban_reason}”` : "No reason given",
        member.banned_until && `, until ${formatTime(member.banned_until)}`),
      button("Lift the ban", { run: () => unban(member) })),
  });

  async function unban(member) {
    await remove(`/groups/${id}/members/${member.user_id}/ban`);
    toast(`${nameOf(member.user_id)} is no longer banned.`);
    await list.reload();
  }

  return list.element;
}

function deletedPosts({ group, signal, subscribe }) {
  const { id } = group();
  const list = pagedList({
    label: "Deleted posts", kind: "list", signal,
    load: (cursor) => get(`/groups/${id}/posts`, { deleted: true, before: cursor }),
    show: (deleted) => postCard(deleted, { group }).element,
    empty: () => statusCard({ icon: "trash", title: "No deleted posts", text: "Deleted posts appear here, and can be restored." }),
  });
  subscribe((type) => ["resync", "post.deleted", "post.restored"].includes(type) && list.reload());
  list.loadMore();
  return list.element;
}

function settings({ group, onChange, signal }) {
  const current = group();
  const [nameField, ...otherFields] = groupFields(current);
  const form = buildForm({
    action: "Save",
    fields: [
      nameField,
      { name: "slug", label: "Short name", value: current.slug, hint: "Lower-case letters, digits and hyphens." },
      ...otherFields,
      { name: "is_locked", label: "Locked: members can read, but not write", kind: "checkbox", value: current.is_locked },
    ],
    submit: async (values) => {
      await save({ ...values, tags: parseTags(values.tags) });
      toast("Saved.");
    },
  });

  async function save(fields) {
    await patch(`/groups/${current.id}`, fields);
    await onChange();
  }

  function pictureButton(label, purpose) {
    const bar = h("progress", { max: 1, hidden: true, "aria-label": `Upload of the ${purpose}` });
    const onProgress = (fraction) => { bar.value = fraction; };
    const input = fileInput(label, async ([file]) => {
      if (!file) return;
      bar.hidden = false;
      try {
        await save({ [`${purpose}_key`]: await uploadFile(file, purpose, { onProgress, signal }) });
      } catch (problem) {
        reportError(problem);
      } finally {
        bar.hidden = true;
      }
    }, { accept: "image/*" });
    return [button(label, { icon: "image", run: async () => input.click() }), input, bar];
  }

  return h("section", { class: "card pad settings", "aria-label": "Settings" }, h("h2", {}, "Settings"),
    h("div", { class: "picture-line" }, groupAvatar(current, "huge"),
      pictureButton("Change the picture", "avatar"), pictureButton("Change the cover", "cover")), form);
}
