// #/search: posts, comments and groups by their words.

import { get } from "../client/api.js";
import { fill, h, icon, titled } from "../elements/dom.js";
import { groupOf, keep, knownGroup, topics } from "./groups.js";
import { endless, state } from "../elements/parts.js";
import { badge, face, person, visibility } from "../elements/identity.js";
import { count, marked, when } from "../elements/text.js";

const TYPES = [["", "All"], ["post", "Posts"], ["comment", "Comments"], ["group", "Groups"]];
const STILL = 300; // milliseconds without a key

export async function show({ place, about, signal, query }) {
  topics(about, signal);
  const [q, type] = [query.get("q") ?? "", query.get("type") ?? ""];
  titled(q ? `“${q}”` : "Search");
  const where = (words, kind) => `#/search?${new URLSearchParams({ q: words, ...(kind && { type: kind }) })}`;
  const input = h("input", { type: "search", value: q, placeholder: "Search posts, comments and groups", "aria-label": "Search", autocomplete: "off", enterkeyhint: "search" });
  const results = h("div", {});
  let [timer, asked] = [0, null];
  const find = () => {
    const words = input.value.trim();
    // Whoever has gone on meanwhile is at another address.
    if (words === asked || !place.isConnected) return;
    // The address says what is shown, and nothing is to be said of it at the beginning.
    if (asked !== null) history.replaceState(history.state, "", where(words, type));
    asked = words;
    titled(words ? `“${words}”` : "Search");
    fill(tabs, links(words));
    fill(results, words ? found(words, type, signal) : begin());
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, STILL); });
  const links = (words) => TYPES.map(([kind, label]) => h("a", { class: "tab", href: where(words, kind), "aria-current": kind === type ? "page" : null }, label));
  const tabs = h("nav", { class: "filters", "aria-label": "What is searched" });
  fill(place, h("h1", { class: "unseen" }, "Search"),
    h("form", { class: "search-box", role: "search", onsubmit: (event) => { event.preventDefault(); clearTimeout(timer); find(); } }, icon("search"), input), tabs, results);
  find();
  if (!q && matchMedia("(hover: hover)").matches) input.focus();
}

function begin() {
  return state({ drawing: "search", title: "What are you looking for?", words: "Any of the words may match: in titles, texts, tags and names." });
}

function found(q, type, signal) {
  const list = endless({
    label: "Results", signal,
    load: (cursor) => get("/search", { q, type, cursor }),
    show: hit,
    empty: () => state({ drawing: "search", title: "Nothing was found", words: `Nothing that you may see has “${q}” in it.` }),
  });
  list.more();
  return list.element;
}

function hit({ type, highlights, [type]: thing }) {
  return { post, comment, group }[type](thing, highlights);
}

function lines(fragments, plain) {
  return fragments ? fragments.flatMap((each, index) => [index > 0 && " … ", ...marked(each)]) : plain;
}

function excerpt(fragments, plain) {
  return h("p", { class: "excerpt" }, lines(fragments, plain.slice(0, 240)));
}

function post(thing, highlights) {
  const place = h("span", { class: "fact" });
  tellGroup(place, thing.group_id);
  return h("article", { class: "card hit" }, face(thing.author_id),
    h("div", { class: "what" }, h("p", { class: "facts" }, h("span", { class: "names" }, person(thing.author_id)), place, when(thing.created_at)),
      thing.title ? [h("h2", {}, h("a", { class: "whole-card", href: `#/posts/${thing.id}` }, lines(highlights.title, thing.title))), excerpt(highlights.body, thing.body)]
        : h("p", { class: "excerpt" }, h("a", { class: "whole-card", href: `#/posts/${thing.id}` }, lines(highlights.body, thing.body.slice(0, 240)))),
      h("p", { class: "facts" }, h("span", { class: "fact" }, icon("smile"), String(thing.reactions_count)), h("span", { class: "fact" }, icon("chat"), String(thing.comments_count)),
        thing.topic_tags.map((tag) => h("span", { class: "tag" }, `#${tag}`)))));
}

function comment(thing, highlights) {
  return h("article", { class: "card hit" }, face(thing.author_id),
    h("div", { class: "what" }, h("p", { class: "facts" }, h("span", { class: "names" }, person(thing.author_id)), h("span", { class: "fact" }, icon("reply"), "Comment"), when(thing.created_at)),
      h("p", { class: "excerpt" }, h("a", { class: "whole-card plain", href: `#/posts/${thing.post_id}?comment=${thing.id}` }, lines(highlights.body, thing.body.slice(0, 240))))));
}

function group(thing, highlights) {
  keep(thing);
  return h("article", { class: "card hit" }, badge(thing),
    h("div", { class: "what" }, h("h2", {}, h("a", { class: "whole-card", href: `#/groups/${thing.id}` }, lines(highlights.name, thing.name))),
      h("p", { class: "facts" }, visibility(thing), h("span", { class: "fact" }, icon("people"), count(thing.members_count, "member"))),
      thing.description && excerpt(highlights.description, thing.description)));
}

function tellGroup(place, id) {
  const tell = (found) => fill(place, "in ", found.name);
  if (knownGroup(id)) tell(knownGroup(id));
  // Without its name the result is still one.
  else groupOf(id).then(tell, () => place.remove());
}
