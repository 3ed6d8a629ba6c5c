// The feed of a group, newest post first. New posts of other users wait behind a button, so that the feed does not jump.

import { get } from "../client/api.js";
import { currentUserId } from "../client/session.js";
import { announce, fill, h } from "../elements/dom.js";
import { reportError, statusCard } from "../elements/feedback.js";
import { icon } from "../elements/icons.js";
import { pagedList } from "../elements/lists.js";
import { quantity } from "../elements/text.js";
import { postComposer } from "../posts/composer.js";
import { postCard } from "../posts/post_card.js";

const REFRESH_DELAY_MS = 150; // events of a post within the delay cause one request
const OWN_POST_DELAY_MS = 3000; // by then the composer has added the user's own post
const MAX_PINNED = 5;
const MAX_PINNED_CHARACTERS = 90;

/** Returns the elements of the feed. A tag in the query filters it. */
export function feed({ group, signal, subscribe }, query) {
  const tag = query.get("tag");
  const { id } = group();
  const cards = new Map();
  const waitingIds = new Set();
  const refreshTimers = new Map();
  const newPostsButton = h("button", { type: "button", class: "pill", hidden: true, onclick: showNewPosts });
  const pinned = h("div", {});
  const list = pagedList({
    label: "Posts", kind: "list", role: "feed", signal,
    load: (cursor) => get(`/groups/${id}/posts`, { before: cursor, tag }),
    show: updateOrAdd,
    empty: () => statusCard({
      icon: "chat", title: tag ? `No posts about #${tag} yet` : "No posts yet",
      text: group().role ? "Write the first post." : "Join the group to write the first post.",
      action: tag && h("a", { class: "button", href: `#/groups/${id}` }, "All posts"),
    }),
  });

  /** Returns the element of a post that is not shown yet, and updates the card of one that is. */
  function updateOrAdd(post) {
    const card = cards.get(post.id);
    if (!card?.element.isConnected) return addCard(post);
    card.update(post);
    return null;
  }

  function addCard(post) {
    const card = postCard(post, { group, onDelete: drop });
    cards.set(post.id, card);
    return card.element;
  }

  function drop(post) {
    cards.get(post.id)?.element.remove();
    cards.delete(post.id);
    waitingIds.delete(post.id);
    updateButton();
    list.updateEmpty();
    loadPinned();
  }

  function updateButton() {
    newPostsButton.hidden = waitingIds.size === 0;
    if (waitingIds.size) fill(newPostsButton, icon("back"), quantity(waitingIds.size, "new post"));
  }

  function addWaiting(postId) {
    if (cards.has(postId) || signal.aborted) return;
    waitingIds.add(postId);
    updateButton();
    if (newPostsButton.isConnected) announce(quantity(waitingIds.size, "new post"));
  }

  async function showNewPosts() {
    await reload();
    scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  function reload() {
    waitingIds.clear();
    updateButton();
    cards.clear();
    loadPinned();
    return list.reload();
  }

  function refreshSoon(postId) {
    if (refreshTimers.has(postId)) return;
    refreshTimers.set(postId, setTimeout(() => {
      refreshTimers.delete(postId);
      if (!signal.aborted) cards.get(postId)?.refresh();
    }, REFRESH_DELAY_MS));
  }

  subscribe((type, event) => {
    if (type === "resync") {
      reload();
      return;
    }
    const postId = event.post_id;
    if (type === "post.created" || type === "post.restored") {
      if (tag && !event.data.topic_tags.includes(tag)) return;
      // The composer adds the user's own posts, except those from another tab.
      if (event.actor_id === currentUserId()) setTimeout(() => addWaiting(postId), OWN_POST_DELAY_MS);
      else addWaiting(postId);
    } else if (type === "post.deleted") drop({ id: postId });
    else if (cards.has(postId)) refreshSoon(postId);
    if (type === "post.pinned" || type === "post.unpinned") loadPinned();
  });

  async function loadPinned() {
    if (tag) return;
    // The list shows the problem if the service is unreachable.
    const page = await get(`/groups/${id}/posts`, { pinned: true, limit: MAX_PINNED }).catch(() => ({ items: [] }));
    if (signal.aborted) return;
    const pinnedLink = (post) => h("a", { href: `#/posts/${post.id}` },
      icon("pin"), h("span", { class: "label" }, post.title ?? post.body.slice(0, MAX_PINNED_CHARACTERS)));
    fill(pinned, page.items.length > 0 && h("section", { class: "card pinned-list", "aria-label": "Pinned posts" }, page.items.map(pinnedLink)));
  }

  async function showOwn(post, { hasFiles }) {
    list.items.prepend(addCard(hasFiles ? await get(`/posts/${post.id}`) : post));
    list.updateEmpty();
  }

  loadPinned();
  list.loadMore();
  return [
    pinned,
    tag && h("p", { class: "filtered" }, icon("tag"), `Posts about #${tag}`, h("a", { class: "link", href: `#/groups/${id}` }, "Show all")),
    group().role && postComposer(group(), (post, details) => showOwn(post, details).catch(reportError)).element,
    h("div", {}, h("div", { class: "pill-anchor" }, newPostsButton), list.element),
  ];
}
