"""Endpoints of the contract, each with its request and its SQL function."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WITHOUT_BODY = {"join", "leave", "restore", "approve", "deny", "accept", "pin"}


@dataclass(frozen=True)
class Operation:
    """Endpoint and its function. Both doors name arguments alike, but SQL adds a p_."""

    name: str
    method: str
    path: str
    function: str
    status: int = 200
    fixed: Mapping[str, Any] = field(default_factory=dict)
    page: str | None = None  # "newest" or "oldest" first

    @property
    def in_path(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def is_patch(self) -> bool:
        return self.method == "PATCH"

    @property
    def has_effects(self) -> bool:
        return self.method != "GET"

    @property
    def has_body(self) -> bool:
        action = self.path.rpartition("/")[2]
        return self.method in {"POST", "PUT", "PATCH"} and action not in WITHOUT_BODY


GROUP = "/groups/{group_id}"
MEMBER = "/groups/{group_id}/members/{user_id}"
REQUEST = "/groups/{group_id}/join-requests/{user_id}"
POST = "/posts/{post_id}"
COMMENT = "/comments/{comment_id}"
PINNED, UNPINNED = {"pinned": True}, {"pinned": False}
OF_POST, OF_COMMENT = {"subject_type": "post"}, {"subject_type": "comment"}

# fmt: off
OPERATIONS = {operation.name: operation for operation in [
    Operation("create_group", "POST", "/groups", "create_group", 201),
    Operation("list_groups", "GET", "/groups", "list_groups", page="newest"),
    Operation("get_group", "GET", GROUP, "get_group"),
    Operation("get_group_by_slug", "GET", "/groups/by-slug/{slug}", "get_group_by_slug"),
    Operation("update_group", "PATCH", GROUP, "update_group"),
    Operation("delete_group", "DELETE", GROUP, "delete_group", 204),
    Operation("restore_group", "POST", f"{GROUP}/restore", "restore_group"),
    Operation("join_group", "POST", f"{GROUP}/join", "join_group"),
    Operation("leave_group", "POST", f"{GROUP}/leave", "leave_group", 204),

    Operation("list_members", "GET", f"{GROUP}/members", "list_members", page="oldest"),
    Operation("get_member", "GET", MEMBER, "get_member"),
    Operation("put_member", "PUT", MEMBER, "put_member"),
    Operation("remove_member", "DELETE", MEMBER, "remove_member", 204),
    Operation("ban", "PUT", f"{MEMBER}/ban", "ban_member"),
    Operation("unban", "DELETE", f"{MEMBER}/ban", "unban_member"),
    Operation("mute", "PUT", f"{MEMBER}/mute", "mute_member"),
    Operation("unmute", "DELETE", f"{MEMBER}/mute", "unmute_member"),
    Operation("list_bans", "GET", f"{GROUP}/bans", "list_bans", page="oldest"),

    Operation("list_join_requests", "GET", f"{GROUP}/join-requests", "list_join_requests",
              page="oldest"),
    Operation("approve", "POST", f"{REQUEST}/approve", "approve_join_request", 201),
    Operation("deny", "POST", f"{REQUEST}/deny", "deny_join_request", 204),
    Operation("create_invite", "POST", f"{GROUP}/invites", "create_invite", 201),
    Operation("list_invites", "GET", f"{GROUP}/invites", "list_invites", page="oldest"),
    Operation("revoke_invite", "DELETE", f"{GROUP}/invites/{{invite_id}}", "revoke_invite", 204),
    Operation("accept_invite", "POST", "/invites/{code}/accept", "accept_invite", 201),

    Operation("create_post", "POST", f"{GROUP}/posts", "create_post", 201),
    Operation("list_posts", "GET", f"{GROUP}/posts", "list_posts", page="newest"),
    Operation("get_post", "GET", POST, "get_post"),
    Operation("update_post", "PATCH", POST, "update_post"),
    Operation("delete_post", "DELETE", POST, "delete_post", 204),
    Operation("restore_post", "POST", f"{POST}/restore", "restore_post"),
    Operation("pin", "PUT", f"{POST}/pin", "set_post_pinned", fixed=PINNED),
    Operation("unpin", "DELETE", f"{POST}/pin", "set_post_pinned", fixed=UNPINNED),

    Operation("create_comment", "POST", f"{POST}/comments", "create_comment", 201),
    Operation("list_comments", "GET", f"{POST}/comments", "list_comments", page="oldest"),
    Operation("get_comment", "GET", COMMENT, "get_comment"),
    Operation("update_comment", "PATCH", COMMENT, "update_comment"),
    Operation("delete_comment", "DELETE", COMMENT, "delete_comment", 204),
    Operation("restore_comment", "POST", f"{COMMENT}/restore", "restore_comment"),

    Operation("react", "POST", "/posts/{subject_id}/reactions", "add_reaction", 201, OF_POST),
    Operation("unreact", "DELETE", "/posts/{subject_id}/reactions/{emoji}", "remove_reaction",
              204, OF_POST),
    Operation("list_reactions", "GET", "/posts/{subject_id}/reactions", "list_reactions",
              fixed=OF_POST, page="oldest"),
    Operation("react_to_comment", "POST", "/comments/{subject_id}/reactions", "add_reaction",
              201, OF_COMMENT),
    Operation("unreact_to_comment", "DELETE", "/comments/{subject_id}/reactions/{emoji}",
              "remove_reaction", 204, OF_COMMENT),
    Operation("list_comment_reactions", "GET", "/comments/{subject_id}/reactions",
              "list_reactions", fixed=OF_COMMENT, page="oldest"),

    Operation("list_tags", "GET", "/tags", "list_tags", page="oldest"),
    Operation("create_tag", "POST", "/tags", "create_tag", 201),
]}
# fmt: on
