-- name: CommentCreate :one
select t.id, row_to_json(t) as body
from api.create_comment(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_body => @body,
  p_parent_id => sqlc.narg('parent_id')
) as t;

-- name: CommentList :one
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
select row_to_json(t) as body
from api.get_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id) as t;

-- name: CommentUpdate :one
select row_to_json(t) as body
from api.update_comment(
  p_actor => sqlc.narg('actor'), p_comment_id => @comment_id, p_patch => @patch
) as t;

-- name: CommentDelete :exec
select api.delete_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id);

-- name: CommentRestore :one
select row_to_json(t) as body
from api.restore_comment(p_actor => sqlc.narg('actor'), p_comment_id => @comment_id) as t;
