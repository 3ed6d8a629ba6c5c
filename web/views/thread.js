// #/posts/<id>: a post by itself, and the thread under it.

import { get } from "../client/api.js";
import { commentComposer } from "../posts/composer.js";
import { threadOf } from "../posts/comments.js";
import { fill, h, icon, titled } from "../elements/dom.js";
import { groupOf } from "./groups.js";
import { live } from "../client/live.js";
import { complain, failed, skeletons, state } from "../elements/parts.js";
import { badge } from "../elements/identity.js";
import { postCard } from "../posts/post.js";
import { me } from "../client/session.js";
import { count } from "../elements/text.js";

const SOON = 150; // milliseconds

export async function show({ place, about, signal, from, params: [id], query }) {
  let [card, thread, group, timer] = [null, null, null, 0];
  const title = h("h2", { class: "comments-title" });
  fill(place, skeletons(2));

  const listener = {
    told(type, event) {
      if (type === "post.deleted") deleted();
      else if (type.startsWith("comment.") || event.subject_type === "comment") thread?.told(type, event);
      // Its counts have changed with it.
      look();
    },
    resync: () => { thread?.load(); look(); },
    gone: () => open(),
  };
  await live.follow(`/posts/${id}`, listener, signal);
  if (!signal.aborted) await open();

  async function open() {
    let post;
    try {
      post = await get(`/posts/${id}`);
      group = await groupOf(post.group_id);
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status === 404 && card) deleted();
      else fill(place, failed(problem, open, "h1"));
      return;
    }
    if (signal.aborted) return;
    if (place.isConnected) titled(post.title ?? group.name);
    card = postCard(post, { group: () => group, isWhole: true, gone: () => { location.hash = `#/groups/${group.id}`; } });
    thread = threadOf(id, { group: () => group, signal });
    fill(place,
      h("a", { class: "back", href: `#/groups/${group.id}`, onclick: back }, icon("back"), badge(group, "tiny"), h("span", { class: "label" }, group.name)),
      card.element, title, answer(), thread.element);
    fill(about, side());
    head();
    await thread.load();
    const wanted = query.get("comment") && thread.find(query.get("comment"));
    if (wanted) {
      wanted.one.classList.add("fresh");
      wanted.one.scrollIntoView({ block: "center" });
      wanted.one.focus({ preventScroll: true });
    }
  }

  /** To where the reader was in the group, if it is where they came from. */
  function back(event) {
    if (event.currentTarget.hash !== from) return;
    event.preventDefault();
    history.back();
  }

  function answer() {
    if (group.role) return commentComposer(id, { made: (comment, about) => thread.written(comment, about).catch(complain) }).element;
    return h("p", { class: "card pad muted" }, me() ? ["To answer, ", h("a", { href: `#/groups/${group.id}` }, "join the group"), "."] : ["To answer, ", h("a", { href: "#/sign-in" }, "sign in"), "."]);
  }

  function side() {
    return h("section", { class: "panel" }, h("a", { class: "side-group", href: `#/groups/${group.id}` }, badge(group), h("span", {}, h("strong", {}, group.name), h("span", { class: "muted small" }, count(group.members_count, "member")))),
      group.description && h("p", { class: "text" }, group.description));
  }

  function head() {
    fill(title, count(card.post.comments_count, "comment"));
  }

  function look() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (signal.aborted || !card) return;
      await card.refresh();
      head();
    }, SOON);
  }

  function deleted() {
    if (!card) return;
    fill(place, h("div", { role: "alert" }, state({
      level: "h1", drawing: "trash", title: "This post is not there any more", words: "It was deleted, or you can’t see its group any longer.",
      action: h("a", { class: "button primary", href: group ? `#/groups/${group.id}` : "#/" }, "Back to the group"),
    })));
    card = thread = null;
  }
}
