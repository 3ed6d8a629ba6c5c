-- name: PostCreate :one
select * from api.create_post(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_body => @body,
  p_title => sqlc.narg('title'), p_topic_tags => @topic_tags::text[]
);

-- name: PostList :many
select * from api.list_posts(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_tag => sqlc.narg('tag'),
  p_author_id => sqlc.narg('author_id'), p_pinned => sqlc.narg('pinned'),
  p_deleted => @deleted, p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after')
);

-- name: PostSetPinned :one
select * from api.set_post_pinned(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_pinned => @pinned
);
