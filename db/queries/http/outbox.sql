-- name: ListenerFind :many
select * from api.find_listeners(p_group_ids => @group_ids::uuid[], p_user_ids => @user_ids::uuid[]);

-- name: ChannelEnter :one
select api.enter_channel(p_actor => sqlc.narg('actor'), p_kind => @kind, p_id => @id) as group_id;

-- name: LastListenerFind :many
select * from api.find_last_listeners(
  p_group_ids => @group_ids::uuid[], p_user_ids => @user_ids::uuid[]
);

-- name: PostListenerFind :many
select * from api.find_post_listeners(
  p_post_ids => @post_ids::uuid[], p_user_ids => @user_ids::uuid[]
);
