-- name: UploadPresign :one
-- Announces an upload: its key, which nobody can guess, is bound to the actor, purpose, type and size
-- and good for 15 minutes. Raises unauthenticated, validation_failed, mime_not_allowed (§4, §8).
select * from api.presign_upload(
  p_actor => sqlc.narg('actor'), p_purpose => @purpose, p_mime => @mime,
  p_size_bytes => @size_bytes, p_filename => sqlc.narg('filename')
);

-- name: UploadFind :one
-- A new place for the object of an upload, where only this caller copies it; no row unless the actor
-- announced it, it is not linked yet, has not expired and was not copied ten times; nor where the actor
-- may attach nothing to the subject, if one is given. Raises unauthenticated (§4).
select * from api.find_upload(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => sqlc.narg('subject_type'),
  p_subject_id => sqlc.narg('subject_id')
);

-- name: UploadConfirm :one
-- Whether what was found at a place of an upload, its key or its final key, is what was announced; of
-- the final one that is taken down, and of its key whether it may be copied, which it may ten times.
-- Raises unauthenticated (§4).
select api.confirm_upload(
  p_actor => sqlc.narg('actor'), p_key => @key, p_place => @place, p_mime => @mime,
  p_size_bytes => @size_bytes
) as is_announced;

-- name: UploadSweep :one
-- Forgets at most most uploads that have expired, and orphans the objects of those never linked; how
-- many it forgot (§4).
select api.sweep_uploads(p_most => @most) as swept;

-- name: AttachmentLink :one
-- Links an upload to a post or comment, for its author, or to a group as its avatar or cover, for
-- admins. Raises unauthenticated, validation_failed, not_found, forbidden, banned, muted,
-- attachment_limit, attachment_mismatch (§4, §8).
select * from api.link_attachment(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_width => sqlc.narg('width'), p_height => sqlc.narg('height')
);

-- name: AttachmentLinkJson :one
-- AttachmentLink as JSON.
select row_to_json(t) as body
from api.link_attachment(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_width => sqlc.narg('width'), p_height => sqlc.narg('height')
) as t;

-- name: AttachmentRemove :exec
-- Removes an attachment; for the author of what it is attached to, and moderators. Raises
-- unauthenticated, not_found, banned, forbidden (§2).
select api.remove_attachment(
  p_actor => sqlc.narg('actor'), p_attachment_id => @attachment_id
);

-- name: OrphanedObjectFind :many
-- At most most objects to remove from the bucket now (§4).
select * from api.find_orphaned_objects(p_most => @most);

-- name: OrphanedObjectForget :exec
-- Forgets objects that have been removed from the bucket (§4).
select api.forget_orphaned_objects(p_keys => @keys::text[]);

-- name: OrphanedObjectPostpone :exec
-- Leaves objects that the store refuses to remove for an hour, so that others have their turn (§4).
select api.postpone_orphaned_objects(p_keys => @keys::text[]);

-- name: StrayObjectMark :one
-- Marks as orphaned those objects that belong to no upload and no attachment; how many. Whoever is still writing
-- when an upload expires leaves one (§4).
select api.mark_stray_objects(p_keys => @keys::text[]) as orphaned;
