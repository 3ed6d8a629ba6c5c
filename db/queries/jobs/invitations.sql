-- name: InviteCreate :one
select * from api.create_invite(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_user_id => sqlc.narg('user_id'),
  p_role => @role, p_max_uses => sqlc.narg('max_uses'),
  p_expires_at => sqlc.narg('expires_at')
);
