// Signing in and out, and an invitation that somebody was sent.

import { get, post } from "../client/api.js";
import { fill, h, icon, titled } from "../elements/dom.js";
import { keep } from "./groups.js";
import { formOf, state, toast, button, failed } from "../elements/parts.js";
import { face, nameOf } from "../elements/identity.js";
import { examples, me, signIn } from "../client/session.js";

/** #/sign-in */
export async function show({ place, changed }) {
  titled("Sign in");
  const enter = (token) => {
    signIn(token);
    changed();
    location.hash = back();
  };
  const paste = formOf({
    action: "Sign in", fields: [{ name: "token", label: "Token", hint: "A bearer token of the API; it stays in this tab.", autocomplete: "off", spellcheck: "false" }],
    submit: async ({ token }) => enter(token),
  });
  const title = h("h2", {}, examples.length ? "Or with a token" : "With a token");
  fill(place, h("section", { class: "welcome" },
    h("header", {}, h("span", { class: "logo big", "aria-hidden": "true" }, h("i"), h("i")), h("h1", {}, "Welcome to Communities"), h("p", { class: "muted" }, "Groups, posts and talk, as they happen.")),
    examples.length > 0 && h("section", { class: "card pad" }, h("h2", {}, "Come in as"), h("p", { class: "muted small" }, "A development instance: these are its example users."),
      h("ul", { class: "examples" }, examples.map((user) => h("li", {}, h("button", { type: "button", class: "example", onclick: () => enter(user.token) }, face(user.id), h("span", {}, user.name)))))),
    h("section", { class: "card pad" }, title, paste),
    h("p", { class: "center" }, h("a", { class: "button quiet", href: "#/" }, "Look around without signing in"))));
}

let wanted = "#/";

/** Where somebody goes on after signing in. */
export function remember(hash) {
  if (!hash.startsWith("#/sign-in") && !hash.startsWith("#/you")) wanted = hash || "#/";
}

function back() {
  return wanted === "#/" ? "#/?mine=true" : wanted;
}

/** #/you */
export async function you({ place, leave }) {
  titled("You");
  fill(place, me() ? h("section", { class: "card pad you-card" }, face(me(), "huge"), h("h1", {}, nameOf(me())), h("p", { class: "muted small id" }, me()),
    h("div", { class: "actions" }, h("a", { class: "button", href: "/docs" }, icon("file"), "The API"), button("Sign out", { drawing: "door", run: async () => leave() })))
    : state({ level: "h1", drawing: "person", title: "You are not signed in", words: "Public groups can be read all the same.", action: h("a", { class: "button primary", href: "#/sign-in" }, "Sign in") }));
}

/** #/invites/<code> */
export async function invitation({ place, params: [code] }) {
  titled("Invitation");
  const accept = async () => {
    try {
      const member = await post(`/invites/${code}/accept`);
      const group = keep(await get(`/groups/${member.group_id}`));
      dispatchEvent(new Event("groups-changed"));
      toast(`Welcome to ${group.name}!`);
      location.hash = `#/groups/${group.id}`;
    } catch (problem) {
      fill(place, failed(problem, accept, "h1"));
    }
  };
  fill(place, state({
    level: "h1", drawing: "link", title: "You are invited", words: "Somebody has sent you the way into a group.",
    action: me() ? button("Accept the invitation", { drawing: "check", kind: "primary", run: accept }) : h("a", { class: "button primary", href: "#/sign-in" }, "Sign in to accept"),
  }));
}
