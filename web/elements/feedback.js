// Feedback: toasts, busy buttons, and cards for empty, failed and loading content.

import { Problem } from "../client/api.js";
import { live } from "../client/live.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

const TOAST_DURATION_MS = 6000;

/** Shows a short message, with an optional action. */
export function toast(text, { action, run, isError = false } = {}) {
  const element = h("div", { class: isError ? "toast error" : "toast" }, h("span", {}, text));
  const dismiss = () => element.remove();
  if (action) element.append(h("button", { type: "button", onclick: () => { dismiss(); run(); } }, action));
  element.append(h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: dismiss }, icon("close")));
  document.getElementById("toasts").append(element);
  setTimeout(dismiss, TOAST_DURATION_MS);
}

/** Confirms a deletion. Offers to undo it with `restore`, if any. */
export function toastDeleted(text, restore) {
  toast(text, restore ? { action: "Undo", run: () => restore().catch(reportError) } : {});
}

/** Shows a problem as a toast. Ignores cancelled requests. */
export function reportError(problem) {
  if (problem.name === "AbortError") return;
  if (!(problem instanceof Problem)) throw problem;
  toast(problem.text, { isError: true });
}

/** Copies a text. Shows the text itself without HTTPS or the browser's permission. */
export async function copyText(text, confirmation) {
  try {
    await navigator.clipboard.writeText(text);
    toast(confirmation);
  } catch {
    toast(text);
  }
}

/** Runs an action with its button marked as busy. Ignores a call while the button is busy. */
export async function runBusy(button, action, onProblem = reportError) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (problem) {
    onProblem(problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Returns a button with an optional icon. It is busy while `run` runs. */
export function button(text, { icon: iconName, kind = "", run, ...rest }) {
  return h("button", { type: "button", class: `button ${kind}`, onclick: (event) => runBusy(event.currentTarget, run), ...rest },
    iconName && icon(iconName), h("span", {}, text));
}

/** Returns a card that explains missing content, with an optional action. */
export function statusCard({ icon: iconName, title, text, action, kind = "", level = "h2" }) {
  return h("div", { class: `card state ${kind}` }, h("span", { class: "state-icon" }, icon(iconName)),
    h(level, {}, title), text && h("p", {}, text), action);
}

/** Returns a card for content that failed to load. It retries on demand, and when the connection returns. */
export function failureCard(problem, retry, level = "h2") {
  if (!(problem instanceof Problem)) throw problem;
  const iconName = problem.status === 0 ? "wifiOff" : problem.status === 404 ? "search" : "bell";
  const titles = { 0: "No connection", 403: "Access denied", 404: "Not found", 429: "Too many requests" };
  const element = h("div", { role: "alert" }, statusCard({
    icon: iconName, title: titles[problem.status] ?? "Request failed", text: problem.text, kind: "failed", level,
    action: problem.isTransient ? button("Try again", { run: retry }) : h("a", { class: "button", href: "#/" }, "All groups"),
  }));
  if (problem.status === 0) onReconnect(() => element.isConnected && retry());
  return element;
}

/** Calls `run` once when the network or the service is reachable again. */
function onReconnect(run) {
  const controller = new AbortController();
  const runOnce = () => { controller.abort(); run(); };
  addEventListener("online", runOnce, { signal: controller.signal });
  live.addEventListener("change", () => live.state === "connected" && runOnce(), { signal: controller.signal });
}

export function skeletons(number = 3) {
  return h("div", { class: "skeletons", role: "status" }, h("span", { class: "visually-hidden" }, "Loading"),
    Array.from({ length: number }, () => h("div", { class: "card skeleton", "aria-hidden": "true" },
      h("i", { class: "round" }), h("i", { class: "short" }), h("i"), h("i", { class: "long" }))));
}
