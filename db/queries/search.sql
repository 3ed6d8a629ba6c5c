-- name: SearchBegin :one
-- Posts, comments and groups that the caller may see, best match first and of equal ones the newest.
-- Raises validation_failed, invalid_cursor (§5, §8).
select * from api.begin_search(
  p_actor => sqlc.narg('actor'), p_q => sqlc.narg('q'), p_type => sqlc.narg('type'),
  p_group_id => sqlc.narg('group_id'), p_tag => sqlc.narg('tag'), p_limit => sqlc.arg('limit'),
  p_cursor => sqlc.narg('cursor')
);

-- name: HitFindVisible :many
-- Which of the hits the actor may see, in their order, with their shapes (§2, §5).
select * from api.find_visible(
  p_actor => sqlc.narg('actor'), p_hits => @hits, p_most => @most
);

-- name: ClosedFind :many
-- In which of these groups and posts the actor finds nothing (§2, §5).
select api.find_hidden_parents(
  p_actor => sqlc.narg('actor'), p_group_ids => @group_ids::uuid[], p_post_ids => @post_ids::uuid[]
) as id;

-- name: SearchTaskClaim :many
-- The subjects of the first most events that search has before it, each with its present state (§5).
select * from api.claim_search_tasks(p_most => @most);

-- name: SearchEventFinish :exec
-- Notes that the index has these events (§5).
select api.finish_search_events(p_event_ids => @event_ids::bigint[]);

-- name: SearchEventFail :one
-- Notes that the index refuses these events for what they are; how many are dead now (§5).
select api.fail_search_events(p_event_ids => @event_ids::bigint[], p_error => @error) as dead;

-- name: SearchableFind :many
-- What the index is to hold of the groups, posts or comments after an id, in the order of their ids
-- (§5).
select * from api.find_searchables(
  p_kind => @kind, p_after => sqlc.narg('after'), p_most => @most
);

-- name: DeadEventList :many
-- The events that a consumer has given up, with the last error, after an id (§5).
select * from api.list_dead_events(p_consumer => @consumer, p_after => @after, p_most => @most);

-- name: DeadEventReplay :one
-- Gives dead events, all of them or these, to their consumer again; how many (§5).
select api.replay_dead_events(
  p_consumer => @consumer, p_event_ids => sqlc.narg('event_ids')::bigint[]
) as replayed;

-- name: DeadEventDiscard :one
-- Takes dead events, all of them or these, as done; how many (§5).
select api.discard_dead_events(
  p_consumer => @consumer, p_event_ids => sqlc.narg('event_ids')::bigint[]
) as discarded;
