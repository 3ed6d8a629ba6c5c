// #/search: posts, comments and groups that match words.

import { get } from "../client/api.js";
import { cachedGroup, cacheGroup, fetchGroup } from "../client/group_cache.js";
import { fill, h, setTitle } from "../elements/dom.js";
import { statusCard } from "../elements/feedback.js";
import { groupAvatar, memberCount, visibilityLabel } from "../elements/group_labels.js";
import { icon } from "../elements/icons.js";
import { pagedList } from "../elements/lists.js";
import { highlightNodes, relativeTime } from "../elements/text.js";
import { avatar, userName } from "../elements/users.js";
import { showTopics } from "./sidebar.js";

const TYPES = [["", "All"], ["post", "Posts"], ["comment", "Comments"], ["group", "Groups"]];
const TYPING_DELAY_MS = 300; // the search begins this long after the last key
const MAX_EXCERPT_CHARACTERS = 240;

export async function show({ main, aside, signal, query }) {
  showTopics(aside, signal);
  const [initialQuery, type] = [query.get("q") ?? "", query.get("type") ?? ""];
  setTitle(initialQuery ? `“${initialQuery}”` : "Search");
  const hrefOf = (text, kind) => `#/search?${new URLSearchParams({ q: text, ...(kind && { type: kind }) })}`;
  const input = h("input", {
    type: "search", value: initialQuery, placeholder: "Search posts, comments and groups", "aria-label": "Search", autocomplete: "off", enterkeyhint: "search",
  });
  const results = h("div", {});
  const tabs = h("nav", { class: "filters", "aria-label": "Types of results" });
  let [timer, currentQuery] = [0, null];

  function search() {
    clearTimeout(timer);
    const text = input.value.trim();
    // A view that was left must not change the address of the next one.
    if (text === currentQuery || !main.isConnected) return;
    // The first search takes its words from the address.
    if (currentQuery !== null) history.replaceState(history.state, "", hrefOf(text, type));
    currentQuery = text;
    setTitle(text ? `“${text}”` : "Search");
    fill(tabs, TYPES.map(([kind, label]) => h("a", { class: "tab", href: hrefOf(text, kind), "aria-current": kind === type ? "page" : null }, label)));
    fill(results, text ? resultList(text, type, signal) : introCard());
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, TYPING_DELAY_MS); });
  const onsubmit = (event) => { event.preventDefault(); search(); };
  fill(main, h("h1", { class: "visually-hidden" }, "Search"),
    h("form", { class: "search-box", role: "search", onsubmit }, icon("search"), input), tabs, results);
  search();
  if (!initialQuery && matchMedia("(hover: hover)").matches) input.focus();
}

function introCard() {
  return statusCard({ icon: "search", title: "Enter words to search", text: "Results match any of the words in titles, texts, tags and names." });
}

function resultList(q, type, signal) {
  const list = pagedList({
    label: "Results", signal,
    load: (cursor) => get("/search", { q, type, cursor }),
    show: hit,
    empty: () => statusCard({ icon: "search", title: "No results", text: `No content that you can see matches “${q}”. Try other words.` }),
  });
  list.loadMore();
  return list.element;
}

function hit({ type, highlights, [type]: item }) {
  return { post: postHit, comment: commentHit, group: groupHit }[type](item, highlights);
}

/** Returns the highlighted fragments of a field, or its plain text if the match is in another field. */
function fragmentsOr(fragments, plain) {
  return fragments ? fragments.flatMap((each, index) => [index > 0 && " … ", ...highlightNodes(each)]) : plain;
}

function bodyOf(item, highlights) {
  return fragmentsOr(highlights.body, item.body.slice(0, MAX_EXCERPT_CHARACTERS));
}

function cardLink(href, content, kind = "card-link") {
  return h("a", { class: kind, href }, content);
}

function postHit(post, highlights) {
  const groupName = h("span", { class: "fact" });
  showGroupName(groupName, post.group_id);
  const href = `#/posts/${post.id}`;
  const body = bodyOf(post, highlights);
  return h("article", { class: "card hit" }, avatar(post.author_id),
    h("div", { class: "details" },
      h("p", { class: "facts" }, h("span", { class: "names" }, userName(post.author_id)), groupName, relativeTime(post.created_at)),
      post.title
        ? [h("h2", {}, cardLink(href, fragmentsOr(highlights.title, post.title))), h("p", { class: "excerpt" }, body)]
        : h("p", { class: "excerpt" }, cardLink(href, body)),
      h("p", { class: "facts" },
        h("span", { class: "fact" }, icon("smile"), String(post.reactions_count)),
        h("span", { class: "fact" }, icon("chat"), String(post.comments_count)),
        post.topic_tags.map((tag) => h("span", { class: "tag" }, `#${tag}`)))));
}

function commentHit(comment, highlights) {
  return h("article", { class: "card hit" }, avatar(comment.author_id),
    h("div", { class: "details" },
      h("p", { class: "facts" }, h("span", { class: "names" }, userName(comment.author_id)),
        h("span", { class: "fact" }, icon("reply"), "Comment"), relativeTime(comment.created_at)),
      h("p", { class: "excerpt" },
        cardLink(`#/posts/${comment.post_id}?comment=${comment.id}`, bodyOf(comment, highlights), "card-link plain"))));
}

function groupHit(group, highlights) {
  cacheGroup(group);
  const description = group.description && fragmentsOr(highlights.description, group.description.slice(0, MAX_EXCERPT_CHARACTERS));
  return h("article", { class: "card hit" }, groupAvatar(group),
    h("div", { class: "details" },
      h("h2", {}, cardLink(`#/groups/${group.id}`, fragmentsOr(highlights.name, group.name))),
      h("p", { class: "facts" }, visibilityLabel(group), memberCount(group)),
      description && h("p", { class: "excerpt" }, description)));
}

/** Shows the name of a group. Removes the element if the group can't be read. */
function showGroupName(element, id) {
  const show = (group) => fill(element, "in ", group.name);
  if (cachedGroup(id)) show(cachedGroup(id));
  else fetchGroup(id).then(show, () => element.remove());
}
