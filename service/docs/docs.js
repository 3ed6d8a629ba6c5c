"use strict";

const place = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

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
