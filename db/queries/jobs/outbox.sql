-- name: OutboxMeasure :many
select * from api.measure_outbox();

-- name: OutboxPrune :one
select api.prune_outbox(p_older_than => @older_than, p_most => @most) as pruned;

-- name: ConsumerMarkIdle :exec
select api.mark_idle(p_consumer => @consumer, p_until => @until);

-- name: EventSequence :one
select api.sequence_events(p_most => @most) as given;

-- name: StreamEntryClaim :many
select * from api.claim_stream_entries(p_most => @most);

-- name: StreamEntryFinish :exec
select api.finish_stream_entries(p_event_ids => @event_ids::bigint[]);

-- name: StreamSequenceRaise :exec
select api.raise_stream_sequence(p_top => @top);
