-- name: CommentCreate :one
-- Writes a comment or a reply; for members who are not muted. Raises unauthenticated, not_found,
-- banned, forbidden, muted, validation_failed (§2, §8).
select * from api.create_comment(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_body => @body,
  p_parent_id => sqlc.narg('parent_id')
);

-- name: CommentCreateJson :one
-- CommentCreate as JSON.
select t.id, row_to_json(t) as body
from api.create_comment(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_body => @body,
  p_parent_id => sqlc.narg('parent_id')
) as t;

-- name: CommentList :many
-- The comments of a post in all depths, oldest first, or the direct replies to one; a deleted
-- comment with a living reply below is a tombstone. p_deleted lists only the deleted ones,
-- whole, for moderators. Raises not_found, unauthenticated, forbidden, validation_failed,
-- invalid_cursor (§2, §7).
select * from api.list_comments(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id,
  p_parent_id => sqlc.narg('parent_id'), p_deleted => @deleted, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: CommentPageJson :one
-- A page of CommentList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('before')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_comments(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id,
  p_parent_id => sqlc.narg('parent_id'), p_deleted => @deleted, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: CommentGet :one
-- One comment. Raises not_found where the actor may not see it (§2).
select * from api.get_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id);

-- name: CommentGetJson :one
-- CommentGet as JSON.
select row_to_json(t) as body
from api.get_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id) as t;

-- name: CommentUpdate :one
-- Changes the body; for the author, while a member and not muted. Raises unauthenticated,
-- not_found, forbidden, banned, muted, validation_failed (§2, §8).
select * from api.update_comment(
  p_actor => sqlc.narg('actor'), p_comment_id => @comment_id, p_patch => @patch
);

-- name: CommentUpdateJson :one
-- CommentUpdate as JSON.
select row_to_json(t) as body
from api.update_comment(
  p_actor => sqlc.narg('actor'), p_comment_id => @comment_id, p_patch => @patch
) as t;

-- name: CommentDelete :exec
-- Deletes a comment softly; for its author and moderators; again changes nothing. Raises
-- unauthenticated, not_found, banned, forbidden (§2).
select api.delete_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id);

-- name: CommentRestore :one
-- Restores a deleted comment; for moderators; a living one stays as it is. Raises
-- unauthenticated, not_found, banned, forbidden, parent_deleted (§2).
select * from api.restore_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id);

-- name: CommentRestoreJson :one
-- CommentRestore as JSON.
select row_to_json(t) as body
from api.restore_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id) as t;
