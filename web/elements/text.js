// Texts as nodes: links, highlights of a search, numbers and times.

import { h } from "./dom.js";

const URL_PATTERN = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;
const NAMED_ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Returns the nodes of a text, with its URLs as links. */
export function linkify(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    nodes.push(text.slice(end, match.index));
    nodes.push(h("a", { href: match[0], rel: "noopener noreferrer nofollow", target: "_blank" }, match[0]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

/** Returns the nodes of a search highlight: escaped HTML whose only tag is <em>, which becomes <mark>. */
export function highlightNodes(highlight) {
  let isMarked = false;
  const nodes = [];
  for (const part of highlight.split(/(<\/?em>)/)) {
    if (part === "<em>" || part === "</em>") isMarked = part === "<em>";
    else nodes.push(isMarked ? h("mark", {}, unescapeEntities(part)) : unescapeEntities(part));
  }
  return nodes;
}

function unescapeEntities(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (entity, hex, decimal, name) => {
    if (name) return NAMED_ENTITIES[name.toLowerCase()] ?? entity;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

/** Returns "1 comment" or "2 comments". */
export function quantity(number, singular, plural = `${singular}s`) {
  return `${new Intl.NumberFormat("en").format(number)} ${number === 1 ? singular : plural}`;
}

/** Returns a size as "1.5 MB". */
export function formatBytes(bytes) {
  const unit = bytes < 1e6 ? "kilobyte" : "megabyte";
  const value = bytes / (bytes < 1e6 ? 1e3 : 1e6);
  return new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 1 }).format(Math.max(0.1, value));
}

const UNIT_SECONDS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "long" });
const DATE_AND_TIME = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });
const REFRESH_INTERVAL_MS = 60_000;

export function formatTime(time) {
  return DATE_AND_TIME.format(new Date(time));
}

export function formatDate(time) {
  return DATE.format(new Date(time));
}

function formatAge(time) {
  const seconds = (new Date(time) - Date.now()) / 1000;
  for (const [unit, length] of UNIT_SECONDS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/** Returns a relative time, with the exact one as its tooltip. */
export function relativeTime(time) {
  return h("time", { datetime: time, title: formatTime(time) }, formatAge(time));
}

setInterval(() => {
  for (const element of document.querySelectorAll("main time")) element.textContent = formatAge(element.dateTime);
}, REFRESH_INTERVAL_MS);
