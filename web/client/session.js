// The session: the user's token, kept until the tab is closed or the user signs out.

const TOKEN_KEY = "communities.token";
const JOIN_REQUESTS_KEY = "communities.join_requests";

/** Example users of a development instance, with their tokens. Empty on other instances. */
export const exampleUsers = JSON.parse(document.body.dataset.examples || "[]");

export function token() {
  return sessionStorage.getItem(TOKEN_KEY);
}

export function signIn(newToken) {
  sessionStorage.setItem(TOKEN_KEY, newToken.trim());
}

export function signOut() {
  sessionStorage.removeItem(TOKEN_KEY);
  sessionStorage.removeItem(JOIN_REQUESTS_KEY);
}

/** Returns whether the user has a pending request to join. The API does not list a user's own requests. */
export function hasJoinRequest(groupId) {
  return joinRequests().has(`${currentUserId()} ${groupId}`);
}

export function rememberJoinRequest(groupId, isPending) {
  const requests = joinRequests();
  if (isPending) requests.add(`${currentUserId()} ${groupId}`);
  else requests.delete(`${currentUserId()} ${groupId}`);
  if (requests.size) sessionStorage.setItem(JOIN_REQUESTS_KEY, JSON.stringify([...requests]));
  else sessionStorage.removeItem(JOIN_REQUESTS_KEY);
}

function joinRequests() {
  return new Set(JSON.parse(sessionStorage.getItem(JOIN_REQUESTS_KEY) ?? "[]"));
}

/** Returns the user's id from the token, or null. The service verifies the token; the page does not. */
export function currentUserId() {
  try {
    const payload = token().split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(payload)).sub).toLowerCase();
  } catch {
    return null;
  }
}
