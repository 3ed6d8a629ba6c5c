// Side bars: the user's own groups with counts of unread posts, and the topics.

import { get } from "../client/api.js";
import { cacheGroup } from "../client/group_cache.js";
import { live } from "../client/live.js";
import { currentUserId } from "../client/session.js";
import { fill, h } from "../elements/dom.js";
import { groupAvatar } from "../elements/group_labels.js";
import { quantity } from "../elements/text.js";

const MAX_FOLLOWED_GROUPS = 20; // groups whose new posts are counted
const MAX_TOPICS = 16;

/** Returns the user's groups. Each shows the number of posts since the user last opened it. */
export function ownGroups(signal) {
  const element = h("div", { class: "own" });
  const unread = new Map();
  let subscriptions = new AbortController();

  async function load() {
    if (!currentUserId()) return;
    // After a failure the next change loads the groups again. The view shows the problem.
    const page = await get("/groups", { mine: true, limit: 50 }).catch(() => null);
    if (!page || signal.aborted) return;
    subscriptions.abort();
    subscriptions = new AbortController();
    const subscribed = AbortSignal.any([signal, subscriptions.signal]);
    fill(element, h("h2", { class: "side-title" }, "Your groups"),
      page.items.length ? h("ul", { class: "side-list" }, page.items.map((group) => row(cacheGroup(group)))) : h("p", { class: "muted small pad" }, "No groups yet."));
    page.items.slice(0, MAX_FOLLOWED_GROUPS).forEach((group) => live.join(`/groups/${group.id}`, {
      onEvent: (type, event) => type === "post.created" && event.actor_id !== currentUserId() && countPost(group.id),
    }, subscribed));
    markCurrent();
  }

  function row(group) {
    const number = h("span", { class: "unread", hidden: true });
    unread.set(group.id, { number, count: 0 });
    return h("li", {}, h("a", { class: "side-link", href: `#/groups/${group.id}`, data: { group: group.id } },
      groupAvatar(group, "avatar-small"), h("span", { class: "label" }, group.name), number));
  }

  function isOpen(groupId) {
    return location.hash.startsWith(`#/groups/${groupId}`);
  }

  function countPost(groupId) {
    if (isOpen(groupId)) return;
    const entry = unread.get(groupId);
    entry.count += 1;
    entry.number.hidden = false;
    entry.number.textContent = entry.count;
    entry.number.setAttribute("aria-label", quantity(entry.count, "new post"));
  }

  function markCurrent() {
    for (const link of element.querySelectorAll("[data-group]")) {
      if (isOpen(link.dataset.group)) {
        link.setAttribute("aria-current", "page");
        Object.assign(unread.get(link.dataset.group), { count: 0 }).number.hidden = true;
      } else link.removeAttribute("aria-current");
    }
  }

  addEventListener("groups-changed", load, { signal });
  addEventListener("hashchange", markCurrent, { signal });
  load();
  return element;
}

/** Shows the most used tags in the side bar. */
export async function showTopics(aside, signal) {
  // The view shows the problem if the service is unreachable.
  const page = await get("/tags", { limit: 100 }).catch(() => null);
  if (!page || signal.aborted) return;
  const tags = page.items.filter((each) => each.posts_count > 0).sort((one, other) => other.posts_count - one.posts_count).slice(0, MAX_TOPICS);
  if (!tags.length) return;
  fill(aside, h("section", { class: "panel", "aria-label": "Topics" }, h("h2", {}, "Topics"),
    h("ul", { class: "topics" }, tags.map(({ tag, posts_count }) => h("li", {}, h("a", { href: `#/search?q=${encodeURIComponent(tag)}` },
      h("span", { class: "label" }, `#${tag}`), h("span", { class: "muted small" }, quantity(posts_count, "post"))))))));
}
