"use strict";

const place = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// What Swagger UI leaves without a name, or out of reach of the keyboard.
const MISSING = [
  [".information-container", { role: "region", "aria-label": "About this API" }],
  [".scheme-container", { role: "region", "aria-label": "Server and token" }],
  [".filter-container", { role: "search", "aria-label": "Operations" }],
  ["#servers", { "aria-label": "Server" }],
  [".examples-select-element", { "aria-label": "Example" }],
  [".body-param__text", { "aria-label": "Body" }],
  [".curl, .microlight", { tabindex: "0" }],
];

function complete() {
  for (const [which, attributes] of MISSING) {
    for (const element of place.querySelectorAll(which)) {
      for (const [name, value] of Object.entries(attributes)) give(element, name, value);
    }
  }
  for (const row of place.querySelectorAll("tr[data-param-name]")) {
    for (const field of row.querySelectorAll("select, textarea")) give(field, "aria-label", row.dataset.paramName);
  }
  for (const table of place.querySelectorAll(".responses-table[role=region]")) give(table, "aria-label", `Responses (${table.id})`);
  // Links in buttons, which lead where the buttons do.
  for (const link of place.querySelectorAll(".opblock-summary-control a[href]")) link.removeAttribute("href");
}

function give(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

new MutationObserver(complete).observe(place, { childList: true, subtree: true });

const ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  domNode: place,
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: place.dataset.token !== "",
  // It would ask a server of Swagger's.
  validatorUrl: null,
  onComplete() {
    if (place.dataset.token) {
      ui.preauthorizeApiKey("bearer", place.dataset.token);
      document.getElementById("signed-in").hidden = false;
    }
  },
});
