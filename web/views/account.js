// #/sign-in, #/you and #/invites/<code>: signing in, the user's account, and invitations.

import { get, post } from "../client/api.js";
import { cacheGroup } from "../client/group_cache.js";
import { currentUserId, exampleUsers, signIn } from "../client/session.js";
import { fill, h, setTitle } from "../elements/dom.js";
import { button, failureCard, statusCard, toast } from "../elements/feedback.js";
import { buildForm } from "../elements/forms.js";
import { icon } from "../elements/icons.js";
import { avatar, nameOf } from "../elements/users.js";

export async function showSignIn({ main, onUserChange }) {
  setTitle("Sign in");
  const enter = (token) => {
    signIn(token);
    onUserChange();
    location.hash = addressAfterSignIn();
  };
  const form = buildForm({
    action: "Sign in", submit: async ({ token }) => enter(token),
    fields: [{ name: "token", label: "Token", hint: "A bearer token of the API. The page keeps it for this tab.", autocomplete: "off", spellcheck: "false" }],
  });
  const exampleButton = (user) => h("li", {},
    h("button", { type: "button", class: "example", onclick: () => enter(user.token) }, avatar(user.id), h("span", {}, user.name)));
  fill(main, h("section", { class: "welcome" },
    h("header", {}, h("span", { class: "logo big", "aria-hidden": "true" }, h("i"), h("i")),
      h("h1", {}, "Welcome to Communities"), h("p", { class: "muted" }, "Groups, posts and comments, live.")),
    exampleUsers.length > 0 && h("section", { class: "card pad" }, h("h2", {}, "Sign in as an example user"),
      h("p", { class: "muted small" }, "A development instance offers these users."),
      h("ul", { class: "examples" }, exampleUsers.map(exampleButton))),
    h("section", { class: "card pad" }, h("h2", {}, "Sign in with a token"), form),
    h("p", { class: "center" }, h("a", { class: "button quiet", href: "#/" }, "Browse without signing in"))));
}

let requestedAddress = "#/";

/** Remembers the address to open after the user signs in. */
export function rememberAddress(hash) {
  if (!hash.startsWith("#/sign-in") && !hash.startsWith("#/you")) requestedAddress = hash || "#/";
}

function addressAfterSignIn() {
  return requestedAddress === "#/" ? "#/?mine=true" : requestedAddress;
}

export async function showAccount({ main, onSignOut }) {
  setTitle("You");
  const user = currentUserId();
  if (!user) {
    fill(main, statusCard({
      level: "h1", icon: "person", title: "You are not signed in", text: "Sign in to join groups and write posts.",
      action: h("a", { class: "button primary", href: "#/sign-in" }, "Sign in"),
    }));
    return;
  }
  fill(main, h("section", { class: "card pad account-card" }, avatar(user, "huge"), h("h1", {}, nameOf(user)), h("p", { class: "muted small id" }, user),
    h("div", { class: "actions" }, h("a", { class: "button", href: "/docs" }, icon("file"), "API reference"),
      button("Sign out", { icon: "door", run: async () => onSignOut() }))));
}

export async function showInvitation({ main, params: [code] }) {
  setTitle("Invitation");
  const accept = async () => {
    try {
      const member = await post(`/invites/${code}/accept`);
      const group = cacheGroup(await get(`/groups/${member.group_id}`));
      dispatchEvent(new Event("groups-changed"));
      toast(`Welcome to ${group.name}!`);
      location.hash = `#/groups/${group.id}`;
    } catch (problem) {
      fill(main, failureCard(problem, accept, "h1"));
    }
  };
  fill(main, statusCard({
    level: "h1", icon: "link", title: "You are invited to a group", text: "Accept the invitation to join it.",
    action: currentUserId()
      ? button("Accept the invitation", { icon: "check", kind: "primary", run: accept })
      : h("a", { class: "button primary", href: "#/sign-in" }, "Sign in to accept"),
  }));
}
