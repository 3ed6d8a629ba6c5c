-- name: ChannelEnter :one
select api.enter_channel(p_actor => sqlc.narg('actor'), p_kind => @kind, p_id => @id) as group_id;

-- name: ListenerFind :many
select * from api.find_listeners(
  p_kind => @kind, p_ids => @ids::uuid[], p_user_ids => @user_ids::uuid[]
);

-- name: EventRefresh :many
select * from api.refresh_events(p_events => @events);
