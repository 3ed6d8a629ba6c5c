-- name: CommentCreate :one
select * from api.create_comment(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_body => @body,
  p_parent_id => sqlc.narg('parent_id')
);
