-- name: PostCreate :one
select t.id, row_to_json(t) as body
from api.create_post(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_body => @body,
  p_title => sqlc.narg('title'), p_topic_tags => @topic_tags::text[]
) as t;

-- name: PostList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('after')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_posts(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_tag => sqlc.narg('tag'),
  p_author_id => sqlc.narg('author_id'), p_pinned => sqlc.narg('pinned'),
  p_deleted => @deleted, p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: PostGet :one
select row_to_json(t) as body
from api.get_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id) as t;

-- name: PostUpdate :one
select row_to_json(t) as body
from api.update_post(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_patch => @patch
) as t;

-- name: PostDelete :exec
select api.delete_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id);

-- name: PostRestore :one
select row_to_json(t) as body
from api.restore_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id) as t;

-- name: PostSetPinned :one
select row_to_json(t) as body
from api.set_post_pinned(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_pinned => @pinned
) as t;
