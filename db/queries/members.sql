-- name: GroupJoin :one
-- Joins a public group (201, Member) or asks to join a private one (202, JoinRequest; the same
-- one when asked again). Raises unauthenticated, not_found, banned, already_member (§2).
select * from api.join_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupLeave :exec
-- Leaves a group. Raises unauthenticated, not_found, banned, forbidden, last_owner (§2).
select api.leave_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: MemberList :many
-- The members of a group, oldest first. Raises not_found, unauthenticated, forbidden,
-- validation_failed, invalid_cursor (§2, §7).
select * from api.list_members(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_role => sqlc.narg('role'),
  p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after')
);

-- name: MemberPageJson :one
-- A page of MemberList as JSON, with next_cursor (§7).
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
-- One member. Raises not_found, unauthenticated, forbidden (§2).
select * from api.get_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: MemberGetJson :one
-- MemberGet as JSON.
select row_to_json(t) as body
from api.get_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: MemberPut :one
-- Adds a user with a role (201, Member) or changes a member's role (200, Member); for admins,
-- below their own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed,
-- last_owner (§2).
select * from api.put_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_role => @role
);

-- name: MemberRemove :exec
-- Removes a member of lower rank, or oneself. Raises unauthenticated, not_found, banned,
-- forbidden, last_owner (§2).
select api.remove_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: MemberBan :one
-- Bans a user, member or not, until a time or for good, and ends the membership; for admins,
-- below their own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed,
-- last_owner (§2).
select * from api.ban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_reason => sqlc.narg('reason'), p_until => sqlc.narg('until')
);

-- name: MemberBanJson :one
-- MemberBan as JSON.
select row_to_json(t) as body
from api.ban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_reason => sqlc.narg('reason'), p_until => sqlc.narg('until')
) as t;

-- name: MemberUnban :one
-- Lifts a ban, which makes nobody a member again; for admins. Raises unauthenticated, not_found
-- (also for a user the group never met), banned, forbidden (§2).
select * from api.unban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: MemberUnbanJson :one
-- MemberUnban as JSON.
select row_to_json(t) as body
from api.unban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;

-- name: BanList :many
-- The users whose ban holds now, oldest first; for admins. Raises unauthenticated, not_found,
-- banned, forbidden, validation_failed, invalid_cursor (§2).
select * from api.list_bans(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: BanPageJson :one
-- A page of BanList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_bans(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: MemberMute :one
-- Mutes a member until a time: reads and reacts, does not post or comment; for moderators, below
-- their own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed (§2).
select * from api.mute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_until => @until
);

-- name: MemberMuteJson :one
-- MemberMute as JSON.
select row_to_json(t) as body
from api.mute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_until => @until
) as t;

-- name: MemberUnmute :one
-- Lifts a mute, of somebody who left too; for moderators. Raises unauthenticated, not_found,
-- banned, forbidden (§2).
select * from api.unmute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
);

-- name: MemberUnmuteJson :one
-- MemberUnmute as JSON.
select row_to_json(t) as body
from api.unmute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id
) as t;
