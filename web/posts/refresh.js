// Refreshes of a post or comment after an event.

import { get } from "../client/api.js";
import { reportError } from "../elements/feedback.js";

/** Returns a function that reads a post or comment again and passes it to `update`. A deleted one stays as it is. */
export function refresher(path, update) {
  return async () => {
    try {
      update(await get(path));
    } catch (problem) {
      if (problem.status !== 404) reportError(problem);
    }
  };
}
