-- name: GroupJoin :one
select * from api.join_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: MemberPut :one
select * from api.put_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_role => @role
);

-- name: MemberBan :one
select * from api.ban_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_reason => sqlc.narg('reason'), p_until => sqlc.narg('until')
);

-- name: MemberMute :one
select * from api.mute_member(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => @user_id,
  p_until => @until
);
