// Who is here: a token, kept until the tab is closed or somebody signs out.

const KEY = "communities.token";
const ASKED = "communities.asked";

/** The example users of a development instance, with tokens; empty everywhere else. */
export const examples = JSON.parse(document.body.dataset.examples || "[]");

export function token() {
  return sessionStorage.getItem(KEY);
}

export function signIn(given) {
  sessionStorage.setItem(KEY, given.trim());
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(ASKED);
}

/** Whether the reader has asked to join a group, which nothing of the API would tell them. */
export function hasAsked(groupId) {
  return asked().has(`${me()} ${groupId}`);
}

export function keepAsked(groupId, isAsked) {
  const all = asked();
  if (isAsked) all.add(`${me()} ${groupId}`);
  else all.delete(`${me()} ${groupId}`);
  if (all.size) sessionStorage.setItem(ASKED, JSON.stringify([...all]));
  else sessionStorage.removeItem(ASKED);
}

function asked() {
  return new Set(JSON.parse(sessionStorage.getItem(ASKED) ?? "[]"));
}

/** The user's id, as the token says it; whether the token is good, the service decides. */
export function me() {
  try {
    const part = token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(part)).sub).toLowerCase();
  } catch {
    return null;
  }
}
