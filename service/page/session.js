// Who is here: a token, kept until the tab is closed or somebody signs out.

const KEY = "communities.token";

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
