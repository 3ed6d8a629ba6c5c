-- name: ReactionAdd :one
select * from api.add_reaction(
  p_actor => sqlc.narg('actor'), p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_emoji => @emoji
);
