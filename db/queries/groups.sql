-- name: GroupCreate :one
-- Makes a group whose owner is the actor. Without a slug one is made from the name; a secret
-- group's slug gets a random ending. Raises unauthenticated, validation_failed, slug_taken,
-- attachment_mismatch (§2, §3.1, §8).
select * from api.create_group(
  p_actor => sqlc.narg('actor'), p_name => @name, p_visibility => @visibility,
  p_slug => sqlc.narg('slug'), p_description => @description,
  p_campus_id => sqlc.narg('campus_id'), p_tags => @tags::text[],
  p_avatar_key => sqlc.narg('avatar_key'), p_cover_key => sqlc.narg('cover_key')
);

-- name: GroupCreateJson :one
-- GroupCreate as JSON.
select t.id, row_to_json(t) as body
from api.create_group(
  p_actor => sqlc.narg('actor'), p_name => @name, p_visibility => @visibility,
  p_slug => sqlc.narg('slug'), p_description => @description,
  p_campus_id => sqlc.narg('campus_id'), p_tags => @tags::text[],
  p_avatar_key => sqlc.narg('avatar_key'), p_cover_key => sqlc.narg('cover_key')
) as t;

-- name: GroupGet :one
-- A group's card; anyone sees it, but for secret groups only members. Raises not_found (§2).
select * from api.get_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupGetJson :one
-- GroupGet as JSON.
select row_to_json(t) as body
from api.get_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id) as t;

-- name: GroupGetBySlug :one
-- The card of the living group with this slug. Raises not_found (§2).
select * from api.get_group_by_slug(p_actor => sqlc.narg('actor'), p_slug => @slug);

-- name: GroupGetBySlugJson :one
-- GroupGetBySlug as JSON.
select row_to_json(t) as body
from api.get_group_by_slug(p_actor => sqlc.narg('actor'), p_slug => @slug) as t;

-- name: GroupList :many
-- Living groups, newest first; secret ones only to their members. Filters: campus, tag,
-- visibility, and only the actor's own. Raises unauthenticated (p_mine), validation_failed,
-- invalid_cursor (§2, §7).
select * from api.list_groups(
  p_actor => sqlc.narg('actor'), p_campus_id => sqlc.narg('campus_id'),
  p_tag => sqlc.narg('tag'), p_visibility => sqlc.narg('visibility'), p_mine => @mine,
  p_limit => sqlc.arg('limit'), p_before => sqlc.narg('before'),
  p_after => sqlc.narg('after')
);

-- name: GroupPageJson :one
-- A page of GroupList as JSON, with next_cursor (§7).
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
-- Changes the fields that the merge patch names: name, slug, description, visibility, campus_id,
-- tags, is_locked, avatar_key, cover_key; for admins. Raises unauthenticated, not_found, banned,
-- forbidden, validation_failed, slug_taken, attachment_mismatch (§2, §8).
select * from api.update_group(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_patch => @patch
);

-- name: GroupUpdateJson :one
-- GroupUpdate as JSON.
select row_to_json(t) as body
from api.update_group(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_patch => @patch
) as t;

-- name: GroupDelete :exec
-- Deletes a group softly, and with it all inside; for owners; again changes nothing. Raises
-- unauthenticated, not_found, banned, forbidden (§2).
select api.delete_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupRestore :one
-- Restores a deleted group; for owners; a living one stays as it is. Raises unauthenticated,
-- not_found, banned, forbidden, slug_taken (§2).
select * from api.restore_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id);

-- name: GroupRestoreJson :one
-- GroupRestore as JSON.
select row_to_json(t) as body
from api.restore_group(p_actor => sqlc.narg('actor'), p_group_id => @group_id) as t;

-- name: AuditLogList :many
-- The audit log of a group, newest first; for admins. Raises unauthenticated, not_found,
-- forbidden, validation_failed, invalid_cursor (§2, §7).
select * from api.list_audit_log(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after')
);

-- name: AuditLogPageJson :one
-- A page of AuditLogList as JSON, with next_cursor (§7).
select api.page(
  sqlc.arg('limit'), sqlc.narg('after')::text is not null,
  array_agg(row_to_json(t)), array_agg((t.created_at, t.id)::api.page_key)
) as body
from api.list_audit_log(
  p_actor => sqlc.narg('actor'), p_group_id => @group_id, p_limit => sqlc.arg('limit'),
  p_before => sqlc.narg('before'), p_after => sqlc.narg('after'), p_lookahead => true
) as t;
