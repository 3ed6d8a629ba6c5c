-- name: JoinRequestList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_join_requests(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: JoinRequestApprove :one
select t.group_id, t.user_id, row_to_json(t) as body
from api.approve_join_request(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: JoinRequestDeny :exec
select api.deny_join_request(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: InviteCreate :one
select row_to_json(t) as body
from api.create_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => sqlc.narg('user_id'),
  p_role => @role, p_max_uses => sqlc.narg('max_uses'),
  p_expires_at => sqlc.narg('expires_at')
) as t;

-- name: InviteList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_invites(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: InviteRevoke :exec
select api.revoke_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_invite_id => @invite_id
);

-- name: InviteAccept :one
select t.group_id, t.user_id, row_to_json(t) as body
from api.accept_invite(p_actor => sqlc.narg('actor'), p_code => @code) as t;
