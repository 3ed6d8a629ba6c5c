-- name: GroupJoin :one
select * from api.join_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupLeave :exec
select api.leave_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: MemberList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_members(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_role => sqlc.narg('role'),
  p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: MemberGet :one
select row_to_json(t) as body
from api.get_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: MemberPut :one
select * from api.put_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_role => @role
);

-- name: MemberRemove :exec
select api.remove_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: MemberBan :one
select row_to_json(t) as body
from api.ban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_reason => sqlc.narg('reason'), p_until => sqlc.narg('until')
) as t;

-- name: MemberUnban :one
select row_to_json(t) as body
from api.unban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: BanList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_bans(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: MemberMute :one
select row_to_json(t) as body
from api.mute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_until => @until
) as t;

-- name: MemberUnmute :one
select row_to_json(t) as body
from api.unmute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;
