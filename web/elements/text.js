// Text of users, as nodes: links that lead out, and what a search has marked.

import { h } from "./dom.js";

const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The nodes of a text whose addresses can be followed. */
export function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    nodes.push(text.slice(end, match.index));
    nodes.push(h("a", { href: match[0], rel: "noopener noreferrer nofollow", target: "_blank" }, match[0]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

/** The nodes of a highlight: HTML in which nothing but <em> is a tag, and that becomes a mark. */
export function marked(highlight) {
  let isMarked = false;
  const nodes = [];
  for (const part of highlight.split(/(<\/?em>)/)) {
    if (part === "<em>" || part === "</em>") isMarked = part === "<em>";
    else nodes.push(isMarked ? h("mark", {}, unescaped(part)) : unescaped(part));
  }
  return nodes;
}

function unescaped(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return NAMED[name.toLowerCase()] ?? whole;
    return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
  });
}

/** "1 comment", "2 comments". */
export function count(number, one, many = `${one}s`) {
  return `${new Intl.NumberFormat("en").format(number)} ${number === 1 ? one : many}`;
}

const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const DAY = new Intl.DateTimeFormat("en", { dateStyle: "long" });
const EXACT = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });

export function exact(moment) {
  return EXACT.format(new Date(moment));
}

export function day(moment) {
  return DAY.format(new Date(moment));
}

function ago(moment) {
  const seconds = (new Date(moment) - Date.now()) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return RELATIVE.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

/** A moment as people say it; the exact one on hovering. */
export function when(moment) {
  return h("time", { datetime: moment, title: exact(moment) }, ago(moment));
}

setInterval(() => {
  for (const time of document.querySelectorAll("main time")) time.textContent = ago(time.dateTime);
}, 60_000);
