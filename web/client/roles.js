// Roles in a group. They decide what the page offers; the service decides what is allowed.

export const ROLES = ["member", "moderator", "admin", "owner"];

export function isAtLeast(group, role) {
  return group.role !== null && ROLES.indexOf(group.role) >= ROLES.indexOf(role);
}
