-- name: ContentRemove :one
-- Deletes softly, in one batch, the living posts and comments of a group that are of an author, or
-- have these ids, or both, and were written from since until before until; for moderators. Raises
-- unauthenticated, not_found, banned, forbidden, validation_failed (§2).
select * from api.remove_content(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_reason => @reason,
  p_author_id => sqlc.narg('author_id'), p_ids => sqlc.narg('ids')::uuid[],
  p_since => sqlc.narg('since'), p_until => sqlc.narg('until')
);

-- name: RemovalUndo :one
-- Restores exactly what a batch has removed; for moderators. Raises unauthenticated, not_found,
-- banned, forbidden (§2).
select * from api.undo_removal(p_actor => sqlc.narg('actor'), p_batch_id => @batch_id);

-- name: ModerationBatchList :many
-- The batches of a group, newest first; for moderators. Raises unauthenticated, not_found, banned,
-- forbidden, validation_failed, invalid_cursor (§2, §7).
select * from api.list_moderation_batches(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: ModerationItemList :many
-- The posts and comments that a batch has removed, newest first; for moderators. Raises
-- unauthenticated, not_found, banned, forbidden, validation_failed, invalid_cursor (§2, §7).
select * from api.list_moderation_items(
  p_actor => sqlc.narg('actor'), p_batch_id => @batch_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);
