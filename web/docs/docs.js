"use strict";

const container = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const applyTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyTheme);
applyTheme();

// Attributes for accessibility that Swagger UI omits: names, roles and keyboard access, by selector.
const MISSING_ATTRIBUTES = [
  [".information-container", { role: "region", "aria-label": "About this API" }],
  [".scheme-container", { role: "region", "aria-label": "Server and token" }],
  [".filter-container", { role: "search", "aria-label": "Operations" }],
  ["#servers", { "aria-label": "Server" }],
  [".examples-select-element", { "aria-label": "Example" }],
  [".body-param__text", { "aria-label": "Body" }],
  [".curl, .microlight", { tabindex: "0" }],
];

function addMissingAttributes() {
  for (const [selector, attributes] of MISSING_ATTRIBUTES) {
    for (const element of container.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
    }
  }
  for (const row of container.querySelectorAll("tr[data-param-name]")) {
    for (const field of row.querySelectorAll("select, textarea")) setAttribute(field, "aria-label", row.dataset.paramName);
  }
  for (const table of container.querySelectorAll(".responses-table[role=region]")) setAttribute(table, "aria-label", `Responses (${table.id})`);
  // These links are inside buttons, which have the same target.
  for (const link of container.querySelectorAll(".opblock-summary-control a[href]")) link.removeAttribute("href");
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

new MutationObserver(addMissingAttributes).observe(container, { childList: true, subtree: true });

const ui = SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  domNode: container,
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: container.dataset.token !== "",
  // The validator is a server of Swagger; the page uses this service only.
  validatorUrl: null,
  onComplete() {
    if (container.dataset.token) {
      ui.preauthorizeApiKey("bearer", container.dataset.token);
      document.getElementById("signed-in").hidden = false;
    }
  },
});
