-- name: GroupCreate :one
select t.id, row_to_json(t) as body
from api.create_group(
  p_actor => sqlc.narg('actor'), p_name => @name, p_visibility => @visibility,
  p_slug => sqlc.narg('slug'), p_description => @description,
  p_campus_id => sqlc.narg('campus_id'), p_tags => @tags::text[],
  p_avatar_key => sqlc.narg('avatar_key'), p_cover_key => sqlc.narg('cover_key')
) as t;

-- name: GroupGet :one
select row_to_json(t) as body
from api.get_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id) as t;

-- name: GroupGetBySlug :one
select row_to_json(t) as body
from api.get_group_by_slug(p_actor => sqlc.narg('actor'), p_slug => @slug) as t;

-- name: GroupList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('after')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_groups(
  p_actor => sqlc.narg('actor'), p_campus_id => sqlc.narg('campus_id'),
  p_tag => sqlc.narg('tag'), p_visibility => sqlc.narg('visibility'), p_mine => @mine,
  p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after'), p_lookahead => true
) as t;

-- name: GroupUpdate :one
select row_to_json(t) as body
from api.update_group(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_patch => @patch
) as t;

-- name: GroupDelete :exec
select api.delete_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupRestore :one
select row_to_json(t) as body
from api.restore_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id) as t;

-- name: AuditLogList :one
select api.page(
  sqlc.arg('limit'), sqlc.narg('after')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_audit_log(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;
