-- name: SearchTaskClaim :many
select * from api.claim_search_tasks(p_most => @most);

-- name: SearchEventFinish :exec
select api.finish_search_events(p_event_ids => @event_ids::bigint[]);

-- name: SearchEventFail :one
select api.fail_search_events(p_event_ids => @event_ids::bigint[], p_error => @error) as dead;

-- name: SearchDocumentFind :many
select * from api.find_search_documents(
  p_kind => @kind, p_after => sqlc.narg('after'), p_most => @most
);

-- name: DeadEventList :many
select * from api.list_dead_events(p_consumer => @consumer, p_after => @after, p_most => @most);

-- name: DeadEventReplay :one
select api.replay_dead_events(
  p_consumer => @consumer, p_event_ids => sqlc.narg('event_ids')::bigint[]
) as replayed;

-- name: DeadEventDiscard :one
select api.discard_dead_events(
  p_consumer => @consumer, p_event_ids => sqlc.narg('event_ids')::bigint[]
) as discarded;
