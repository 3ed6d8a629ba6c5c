-- name: TagCreate :one
-- Makes a topic tag. Raises unauthenticated, validation_failed, duplicate_tag (§2, §8).
select * from api.create_tag(p_actor => sqlc.narg('actor'), p_tag => @tag);

-- name: TagCreateJson :one
-- TagCreate as JSON.
select row_to_json(t) as body
from api.create_tag(p_actor => sqlc.narg('actor'), p_tag => @tag) as t;

-- name: TagList :many
-- Topic tags, oldest first; p_q is a prefix in any case. Raises validation_failed,
-- invalid_cursor (§2, §7).
select * from api.list_tags(
  p_actor => sqlc.narg('actor'), p_q => sqlc.narg('q'), p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: TagPageJson :one
-- A page of TagList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_tags(
  p_actor => sqlc.narg('actor'), p_q => sqlc.narg('q'), p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;
