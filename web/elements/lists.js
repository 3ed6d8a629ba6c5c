// Lists that load further pages while the user scrolls.

import { get } from "../client/api.js";
import { fill, h } from "./dom.js";
import { failureCard, skeletons, statusCard } from "./feedback.js";

const PRELOAD_MARGIN = "700px";
const ROWS_PER_PAGE = 50;

/** Returns a paged list. `load(cursor)` returns a page, `show(item)` an element, `empty()` the content of an empty list. */
export function pagedList({ load, show, empty, signal, kind = "list", role = null, label = null }) {
  const items = h("div", { class: kind, role, "aria-label": label });
  const end = h("div", { class: "list-end" });
  const element = h("div", {}, items, end);
  let [cursor, isComplete, currentRun] = [null, false, null];

  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && loadMore(), { rootMargin: PRELOAD_MARGIN });
  signal.addEventListener("abort", () => observer.disconnect());

  async function loadMore() {
    if (currentRun || isComplete) return;
    const run = (currentRun = Symbol("run"));
    const isStale = () => run !== currentRun || signal.aborted;
    const isFirst = cursor === null;
    fill(end, isFirst ? !items.children.length && skeletons() : h("p", { class: "spinner", role: "status" }, "Loading more"));
    items.setAttribute("aria-busy", "true");
    observer.disconnect();
    try {
      const page = await load(cursor);
      if (isStale()) return;
      if (isFirst) items.replaceChildren();
      items.append(...page.items.map(show).filter(Boolean));
      cursor = page.next_cursor;
      isComplete = cursor === null;
      fill(end, isComplete && !items.children.length && empty());
    } catch (problem) {
      if (isStale()) return;
      isComplete = false;
      fill(end, failureCard(problem, () => { currentRun = null; return loadMore(); }));
      return;
    } finally {
      items.removeAttribute("aria-busy");
    }
    currentRun = null;
    // The observer also reports an end that is in view already.
    if (!isComplete) observer.observe(end);
  }

  return {
    element,
    items,
    loadMore,
    /** Loads the first page again. The current items stay until it has arrived. */
    reload() {
      [cursor, isComplete, currentRun] = [null, false, null];
      return loadMore();
    },
    /** Shows or hides the content of an empty list after the caller has added or removed an item. */
    updateEmpty() {
      if (!currentRun && isComplete) fill(end, !items.children.length && empty());
    },
  };
}

/** Returns a paged list of rows that reloads after events whose type begins with `eventPrefix`. */
export function rowList({ signal, subscribe }, { path, label, show, empty, eventPrefix }) {
  const list = pagedList({
    label, kind: "card rows", signal, load: (cursor) => get(path, { after: cursor, limit: ROWS_PER_PAGE }), show, empty: () => statusCard(empty),
  });
  subscribe((type) => (type === "resync" || type.startsWith(eventPrefix)) && list.reload());
  list.loadMore();
  return list;
}
