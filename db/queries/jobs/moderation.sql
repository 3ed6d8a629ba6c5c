-- name: ContentRemove :one
select * from api.remove_content(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_reason => @reason,
  p_author_id => sqlc.narg('author_id'), p_ids => sqlc.narg('ids')::uuid[],
  p_since => sqlc.narg('since'), p_until => sqlc.narg('until')
);

-- name: RemovalUndo :one
select * from api.undo_removal(p_actor => sqlc.narg('actor'), p_batch_id => @batch_id);

-- name: ModerationBatchList :many
select * from api.list_moderation_batches(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: ModerationItemList :many
select * from api.list_moderation_items(
  p_actor => sqlc.narg('actor'), p_batch_id => @batch_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);
