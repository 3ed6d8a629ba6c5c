-- name: JoinRequestList :many
-- The pending requests to join, oldest first; for admins. Raises unauthenticated, not_found,
-- banned, forbidden, validation_failed, invalid_cursor (§2).
select * from api.list_join_requests(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: JoinRequestPageJson :one
-- A page of JoinRequestList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_join_requests(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: JoinRequestApprove :one
-- Makes the user who asked a member; for admins. Raises unauthenticated, not_found (also when
-- none is pending), banned, forbidden (§2).
select * from api.approve_join_request(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: JoinRequestApproveJson :one
-- JoinRequestApprove as JSON.
select t.group_id, t.user_id, row_to_json(t) as body
from api.approve_join_request(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: JoinRequestDeny :exec
-- Turns down the user who asked; for admins. Raises unauthenticated, not_found (also when none
-- is pending), banned, forbidden (§2).
select api.deny_join_request(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: InviteCreate :one
-- Makes an invitation, for one user or for whoever has its code, into a role below the actor's
-- own; for admins. Raises unauthenticated, not_found, banned, forbidden, validation_failed (§2).
select * from api.create_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => sqlc.narg('user_id'),
  p_role => @role, p_max_uses => sqlc.narg('max_uses'),
  p_expires_at => sqlc.narg('expires_at')
);

-- name: InviteCreateJson :one
-- InviteCreate as JSON.
select row_to_json(t) as body
from api.create_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => sqlc.narg('user_id'),
  p_role => @role, p_max_uses => sqlc.narg('max_uses'),
  p_expires_at => sqlc.narg('expires_at')
) as t;

-- name: InviteList :many
-- The invitations of a group into roles that the actor may grant, oldest first; for admins. Raises
-- unauthenticated, not_found, banned, forbidden, validation_failed, invalid_cursor (§2).
select * from api.list_invites(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: InvitePageJson :one
-- A page of InviteList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_invites(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: InviteRevoke :exec
-- Takes an invitation back; for admins. Raises unauthenticated, not_found, banned, forbidden
-- (§2).
select api.revoke_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_invite_id => @invite_id
);

-- name: InviteAccept :one
-- Joins the group of an invitation in its role. Raises unauthenticated, not_found (unknown,
-- spent, expired, another's, or of somebody who may no longer grant its role), already_member,
-- banned (§2).
select * from api.accept_invite(p_actor => sqlc.narg('actor'), p_code => @code);

-- name: InviteAcceptJson :one
-- InviteAccept as JSON.
select t.group_id, t.user_id, row_to_json(t) as body
from api.accept_invite(p_actor => sqlc.narg('actor'), p_code => @code) as t;
