// #/posts/<id>: a post with its thread.

import { get } from "../client/api.js";
import { fetchGroup } from "../client/group_cache.js";
import { live } from "../client/live.js";
import { currentUserId } from "../client/session.js";
import { fill, flash, h, setTitle } from "../elements/dom.js";
import { failureCard, reportError, skeletons, statusCard } from "../elements/feedback.js";
import { groupAvatar } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { quantity } from "../elements/text.js";
import { commentThread } from "../posts/comments.js";
import { commentComposer } from "../posts/composer.js";
import { postCard } from "../posts/post_card.js";

const REFRESH_DELAY_MS = 150; // events within the delay cause one request

export async function show({ main, aside, signal, previousHash, params: [id], query }) {
  let [card, thread, group, refreshTimer] = [null, null, null, 0];
  const title = h("h2", { class: "comments-title" });
  fill(main, skeletons(2));

  await live.follow(`/posts/${id}`, {
    onEvent(type, event) {
      if (type === "post.deleted") showDeleted();
      else if (type.startsWith("comment.") || event.subject_type === "comment") thread?.onEvent(type, event);
      // Events of comments change the counts of the post, too.
      refreshSoon();
    },
    onResync() {
      thread?.load();
      refreshSoon();
    },
    onEnd: () => open(),
  }, signal);
  if (!signal.aborted) await open();

  async function open() {
    let post;
    try {
      post = await get(`/posts/${id}`);
      group = await fetchGroup(post.group_id);
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status === 404 && card) showDeleted();
      else fill(main, failureCard(problem, open, "h1"));
      return;
    }
    if (signal.aborted) return;
    if (main.isConnected) setTitle(post.title ?? group.name);
    card = postCard(post, { group: () => group, isWhole: true, onDelete: () => { location.hash = `#/groups/${group.id}`; } });
    thread = commentThread(id, { group: () => group, signal });
    fill(main,
      h("a", { class: "back", href: `#/groups/${group.id}`, onclick: goBack }, icon("back"), groupAvatar(group, "tiny"), h("span", { class: "label" }, group.name)),
      card.element, title, composer(), thread.element);
    fill(aside, groupPanel());
    updateTitle();
    await thread.load();
    const linked = query.get("comment") && thread.find(query.get("comment"));
    if (linked) {
      flash(linked.article, { block: "center" });
      linked.article.focus({ preventScroll: true });
    }
  }

  /** Returns to the group by the history, which keeps the scroll position, if the group is the previous view. */
  function goBack(event) {
    if (event.currentTarget.hash !== previousHash) return;
    event.preventDefault();
    history.back();
  }

  function composer() {
    if (group.role) return commentComposer(id, { onCreate: (comment, details) => thread.showOwn(comment, details).catch(reportError) }).element;
    const link = currentUserId() ? h("a", { href: `#/groups/${group.id}` }, "join the group") : h("a", { href: "#/sign-in" }, "sign in");
    return h("p", { class: "card pad muted" }, "To comment, ", link, ".");
  }

  function groupPanel() {
    return h("section", { class: "panel" },
      h("a", { class: "side-group", href: `#/groups/${group.id}` }, groupAvatar(group),
        h("span", {}, h("strong", {}, group.name), h("span", { class: "muted small" }, quantity(group.members_count, "member")))),
      group.description && h("p", { class: "text" }, group.description));
  }

  function updateTitle() {
    fill(title, quantity(card.post.comments_count, "comment"));
  }

  function refreshSoon() {
    clearTimeout(refreshTimer);
    refreshTimer = setTimeout(async () => {
      if (signal.aborted || !card) return;
      await card.refresh();
      updateTitle();
    }, REFRESH_DELAY_MS);
  }

  function showDeleted() {
    if (!card) return;
    fill(main, h("div", { role: "alert" }, statusCard({
      level: "h1", icon: "trash", title: "Post not available", text: "It was deleted, or you no longer have access to its group.",
      action: h("a", { class: "button primary", href: group ? `#/groups/${group.id}` : "#/" }, "Back to the group"),
    })));
    card = thread = null;
  }
}
