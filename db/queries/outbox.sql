-- name: OutboxMeasure :many
-- How many events each consumer has before it, how many are dead, and how old the oldest is, in
-- seconds (§13).
select * from api.measure_outbox();

-- name: OutboxPrune :one
-- Removes at most most events that are older and that every consumer is done with; how many (§5).
select api.prune_outbox(p_older_than => @older_than, p_most => @most) as pruned;

-- name: OutboxMarkIdle :exec
-- Says that a consumer (search, streams) is about to wait for the doorbell, or with -infinity that it
-- no longer does (§5).
select api.mark_idle(p_consumer => @consumer, p_until => @until);

-- name: StreamEventSequence :one
-- Gives events that wait for a stream their places, in the order of their ids; how many (§6).
select api.sequence_events(p_most => @most) as given;

-- name: StreamEntryClaim :many
-- The next events to publish, in the order of the streams, with their payload; no other relay has
-- them until this transaction ends (§6).
select * from api.claim_stream_entries(p_most => @most);

-- name: StreamEntryFinish :exec
-- Notes that events are in their streams (§6).
select api.finish_stream_entries(p_event_ids => @event_ids::bigint[]);

-- name: StreamSequenceRaise :exec
-- For streams that go up to top and have other events at our places: what is not published yet waits
-- for a place above that (§6).
select api.raise_stream_sequence(p_top => @top);

-- name: ListenerFind :many
-- Which of the users may see the content of which of the groups; the nil UUID is whoever has no
-- token (§2, §6).
select * from api.find_listeners(p_group_ids => @group_ids::uuid[], p_user_ids => @user_ids::uuid[]);

-- name: ChannelEnter :one
-- The group whose events tell of a group or post (kind) that the actor may see the content of. Raises
-- not_found, forbidden, unauthenticated, validation_failed (§2, §6).
select api.enter_channel(p_actor => sqlc.narg('actor'), p_kind => @kind, p_id => @id) as group_id;

-- name: LastListenerFind :many
-- Which of the users are to hear of the end of which of the groups; the nil UUID is whoever has no
-- token (§2, §6).
select * from api.find_last_listeners(
  p_group_ids => @group_ids::uuid[], p_user_ids => @user_ids::uuid[]
);

-- name: PostListenerFind :many
-- Which of the users may see which of the posts; the nil UUID is whoever has no token (§2, §6).
select * from api.find_post_listeners(
  p_post_ids => @post_ids::uuid[], p_user_ids => @user_ids::uuid[]
);
