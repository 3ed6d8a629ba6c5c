-- name: ReactionAdd :one
-- Adds the actor's reaction to a post or comment, and emits reaction.added. Members may react,
-- muted ones too. Raises unauthenticated, not_found, banned, forbidden, validation_failed,
-- duplicate_reaction, too_many_emoji (§2, §8).
select * from api.add_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
);

-- name: ReactionAddJson :one
-- ReactionAdd as JSON.
select row_to_json(t) as body
from api.add_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
) as t;

-- name: ReactionRemove :exec
-- Removes the actor's own reaction, and emits reaction.removed. Raises unauthenticated,
-- validation_failed, not_found (also if there is no such reaction), forbidden (§2).
select api.remove_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
);

-- name: ReactionList :many
-- Returns a page of the reactions to a post or comment, oldest first. Raises not_found,
-- validation_failed, invalid_cursor (§2, §7).
select * from api.list_reactions(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => sqlc.narg('emoji'), p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: ReactionPageJson :one
-- A page of ReactionList as JSON, with next_cursor and summary (§7).
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
