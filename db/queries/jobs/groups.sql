-- name: GroupCreate :one
select * from api.create_group(
  p_actor => sqlc.narg('actor'), p_name => @name, p_visibility => @visibility,
  p_slug => sqlc.narg('slug'), p_description => @description,
  p_campus_id => sqlc.narg('campus_id'), p_tags => @tags::text[],
  p_avatar_key => sqlc.narg('avatar_key'), p_cover_key => sqlc.narg('cover_key')
);

-- name: GroupList :many
select * from api.list_groups(
  p_actor => sqlc.narg('actor'), p_campus_id => sqlc.narg('campus_id'),
  p_tag => sqlc.narg('tag'), p_visibility => sqlc.narg('visibility'), p_mine => @mine,
  p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after')
);
