-- name: TagCreate :one
select row_to_json(t) as body
from api.create_tag(p_actor => sqlc.narg('actor'), p_tag => @tag) as t;

-- name: TagList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_tags(
  p_actor => sqlc.narg('actor'), p_q => sqlc.narg('q'), p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;
