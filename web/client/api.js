// Calls of the public API. A refusal is thrown as a Problem with the service's own text.

import { token } from "./session.js";

const BASE = "/api/communities/v1";
const MAX_ATTEMPTS = 3;

// Idempotency keys of POSTs whose outcome is unknown, by request. A retry sends the same key.
const pendingKeys = new Map();

export class Problem extends Error {
  constructor(status, { code, detail, errors = [] }, retryAfterSeconds = 1) {
    super(detail);
    Object.assign(this, { status, code, errors, retryAfterSeconds });
  }

  /** Returns the message with the errors of single fields. */
  get text() {
    const fields = this.errors.map((each) => `${each.field} ${each.message}`);
    return fields.length ? `${this.message} ${fields.join("; ")}.` : this.message;
  }

  /** Returns whether a retry may succeed. */
  get isTransient() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const get = (path, query = {}) => request("GET", path + queryString(query));
export const post = (path, body) => request("POST", path, body);
export const put = (path, body) => request("PUT", path, body);
export const patch = (path, body) => request("PATCH", path, body);
export const remove = (path) => request("DELETE", path);

function queryString(query) {
  const parameters = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return parameters.length ? `?${new URLSearchParams(parameters)}` : "";
}

async function request(method, path, body) {
  if (method !== "POST") return send(method, path, body);
  const fingerprint = JSON.stringify([token(), path, body ?? null]);
  const key = pendingKeys.get(fingerprint) ?? randomKey();
  pendingKeys.set(fingerprint, key);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await send(method, path, body, key);
      pendingKeys.delete(fingerprint);
      return answer;
    } catch (problem) {
      const isUnknown = problem.isTransient || problem.code === "idempotency_in_progress";
      if (!isUnknown) pendingKeys.delete(fingerprint);
      if (!isUnknown || problem.status === 429 || attempt === MAX_ATTEMPTS || !navigator.onLine) throw problem;
      await new Promise((resolve) => setTimeout(resolve, problem.retryAfterSeconds * 1000));
    }
  }
}

async function send(method, path, body, key) {
  const headers = {};
  const sentToken = token();
  if (sentToken) headers.Authorization = `Bearer ${sentToken}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  let answer;
  try {
    response = await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    answer = text ? JSON.parse(text) : null;
  } catch {
    if (response) throw new Problem(502, { code: "unreadable", detail: "The response is unreadable. Try again." });
    throw new Problem(0, { code: "unreachable", detail: "The service is unreachable. Check your connection." });
  }
  if (response.ok) return answer;
  // The token has expired or was revoked.
  if (response.status === 401 && sentToken && sentToken === token()) dispatchEvent(new Event("session-ended"));
  throw new Problem(response.status, answer ?? {}, Number(response.headers.get("Retry-After")) || 1);
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends a file to a presigned URL. Calls `onProgress` with the fraction sent, from 0 to 1. */
export function upload(target, file, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const transfer = new XMLHttpRequest();
    const fail = () => reject(new Problem(0, { code: "upload_failed", detail: "Upload failed. Remove the file and add it again." }));
    transfer.open(target.method, target.url);
    for (const [name, value] of Object.entries(target.headers)) transfer.setRequestHeader(name, value);
    transfer.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    transfer.addEventListener("load", () => (transfer.status < 300 ? resolve() : fail()));
    transfer.addEventListener("error", fail);
    transfer.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => transfer.abort());
    transfer.send(file);
  });
}
