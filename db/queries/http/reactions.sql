-- name: ReactionAdd :one
select row_to_json(t) as body
from api.add_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
) as t;

-- name: ReactionRemove :exec
select api.remove_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
);

-- name: ReactionList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key),
  api.summarise_reactions(
    p_actor => sqlc.narg('actor'), p_subject_type => @subject_type, p_subject_id => @subject_id
  )
) as body
from api.list_reactions(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => sqlc.narg('emoji'), p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;
