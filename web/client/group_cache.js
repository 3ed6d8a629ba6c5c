// A cache of the groups that the user has read.

import { get } from "./api.js";

const groups = new Map();

export const cachedGroup = (id) => groups.get(id);

export async function fetchGroup(id) {
  return cacheGroup(await get(`/groups/${id}`));
}

export function cacheGroup(group) {
  groups.set(group.id, group);
  return group;
}

/** Empties the cache, so that the next user sees nothing of the previous one. */
export function clearGroups() {
  groups.clear();
}
