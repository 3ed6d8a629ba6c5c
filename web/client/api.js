// The public API. What it refuses is thrown as a Problem, in the service's own words.

import { token } from "./session.js";

const BASE = "/api/communities/v1";
const ATTEMPTS = 3;

// Keys of POSTs whose outcome is not known: whoever tries again sends the same one.
const unsettled = new Map();

export class Problem extends Error {
  constructor(status, { code, detail, errors = [] }, retryAfter = 1) {
    super(detail);
    Object.assign(this, { status, code, errors, retryAfter });
  }

  /** All that the service has to say. */
  get words() {
    const fields = this.errors.map((each) => `${each.field} ${each.message}`);
    return fields.length ? `${this.message} ${fields.join("; ")}.` : this.message;
  }

  /** Whether the same may succeed later. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const get = (path, query = {}) => ask("GET", path + search(query));
export const post = (path, body) => ask("POST", path, body);
export const put = (path, body) => ask("PUT", path, body);
export const patch = (path, body) => ask("PATCH", path, body);
export const remove = (path) => ask("DELETE", path);

function search(query) {
  const known = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return known.length ? `?${new URLSearchParams(known)}` : "";
}

async function ask(method, path, body) {
  if (method !== "POST") return send(method, path, body);
  const request = JSON.stringify([token(), path, body ?? null]);
  const key = unsettled.get(request) ?? randomKey();
  unsettled.set(request, key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await send(method, path, body, key);
      unsettled.delete(request);
      return answer;
    } catch (problem) {
      const isOpen = problem.passes || problem.code === "idempotency_in_progress";
      if (!isOpen) unsettled.delete(request);
      if (!isOpen || problem.status === 429 || attempt === ATTEMPTS || !navigator.onLine) throw problem;
      await new Promise((resolve) => setTimeout(resolve, problem.retryAfter * 1000));
    }
  }
}

async function send(method, path, body, key) {
  const headers = {};
  const given = token();
  if (given) headers.Authorization = `Bearer ${given}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  let answer;
  try {
    response = await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    answer = text ? JSON.parse(text) : null;
  } catch {
    if (response) throw new Problem(502, { code: "unreadable", detail: "The answer could not be read." });
    throw new Problem(0, { code: "unreachable", detail: "The service can’t be reached." });
  }
  if (response.ok) return answer;
  // A token that was good and is not any more.
  if (response.status === 401 && given && given === token()) dispatchEvent(new Event("session-ended"));
  throw new Problem(response.status, answer ?? {}, Number(response.headers.get("Retry-After")) || 1);
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a file to where the service said; `told` hears the share that has arrived. */
export function upload(target, file, { told, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(new Problem(0, { code: "upload_failed", detail: "The file did not arrive." }));
    request.open(target.method, target.url);
    for (const [name, value] of Object.entries(target.headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) told(event.loaded / event.total);
    });
    request.addEventListener("load", () => (request.status < 300 ? resolve() : fail()));
    request.addEventListener("error", fail);
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
