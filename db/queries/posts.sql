-- name: PostCreate :one
-- Writes a post; for members who are not muted, in a locked group for moderators. Raises
-- unauthenticated, not_found, banned, forbidden, muted, group_locked, validation_failed (§2,
-- §8).
select * from api.create_post(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_body => @body,
  p_title => sqlc.narg('title'), p_topic_tags => @topic_tags::text[]
);

-- name: PostCreateJson :one
-- PostCreate as JSON.
select t.id, row_to_json(t) as body
from api.create_post(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_body => @body,
  p_title => sqlc.narg('title'), p_topic_tags => @topic_tags::text[]
) as t;

-- name: PostList :many
-- The posts of a group, newest first, without the deleted ones or, for moderators, only those.
-- Filters: tag, author, pinned. Raises not_found, unauthenticated, forbidden, validation_failed,
-- invalid_cursor (§2, §7).
select * from api.list_posts(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_tag => sqlc.narg('tag'),
  p_author_id => sqlc.narg('author_id'), p_pinned => sqlc.narg('pinned'),
  p_deleted => @deleted, p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after')
);

-- name: PostPageJson :one
-- A page of PostList as JSON, with next_cursor (§7).
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
-- One post. Raises not_found where the actor may not see it (§2).
select * from api.get_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id);

-- name: PostGetJson :one
-- PostGet as JSON.
select row_to_json(t) as body
from api.get_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id) as t;

-- name: PostUpdate :one
-- Changes the fields that the merge patch names: title, body, topic_tags; for the author, while
-- a member and not muted. Raises unauthenticated, not_found, forbidden, banned, muted,
-- validation_failed (§2, §8).
select * from api.update_post(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_patch => @patch
);

-- name: PostUpdateJson :one
-- PostUpdate as JSON.
select row_to_json(t) as body
from api.update_post(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_patch => @patch
) as t;

-- name: PostDelete :exec
-- Deletes a post softly, and with it all inside; for its author and moderators; again changes
-- nothing. Raises unauthenticated, not_found, banned, forbidden (§2).
select api.delete_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id);

-- name: PostRestore :one
-- Restores a deleted post; for moderators; a living one stays as it is. Raises unauthenticated,
-- not_found, banned, forbidden, parent_deleted (§2).
select * from api.restore_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id);

-- name: PostRestoreJson :one
-- PostRestore as JSON.
select row_to_json(t) as body
from api.restore_post(p_actor => sqlc.narg('actor'), p_post_id => @post_id) as t;

-- name: PostSetPinned :one
-- Pins or unpins a post; for moderators; again changes nothing. Raises unauthenticated,
-- not_found, banned, forbidden (§2).
select * from api.set_post_pinned(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_pinned => @pinned
);

-- name: PostSetPinnedJson :one
-- PostSetPinned as JSON.
select row_to_json(t) as body
from api.set_post_pinned(
  p_actor => sqlc.narg('actor'), p_post_id => @post_id, p_pinned => @pinned
) as t;
