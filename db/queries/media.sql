-- name: UploadPresign :one
-- Creates a presigned upload: a key that nobody can guess, bound to the actor, purpose, type and size,
-- valid for 15 minutes. Raises unauthenticated, validation_failed, mime_not_allowed, too_many_uploads
-- (§4, §8).
select * from api.presign_upload(
  p_actor => sqlc.narg('actor'), p_purpose => @purpose, p_mime => @mime,
  p_size_bytes => @size_bytes, p_filename => sqlc.narg('filename')
);

-- name: UploadFind :one
-- Returns an upload that the actor presigned and may still link; no row when it is linked or expired, or
-- when the actor may not attach to the subject, if one is given. Raises unauthenticated (§4).
select * from api.find_upload(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => sqlc.narg('subject_type'),
  p_subject_id => sqlc.narg('subject_id')
);

-- name: UploadCopyStart :one
-- Returns a new key for the caller to copy the uploaded object to; null when the type and size found
-- under the upload's key are not the presigned ones, the upload is linked, or it was copied ten times.
-- Raises unauthenticated (§4).
select api.start_upload_copy(
  p_actor => sqlc.narg('actor'), p_key => @key, p_mime => @mime, p_size_bytes => @size_bytes
) as copy_key;

-- name: UploadCopyConfirm :one
-- Makes a copy linkable when the type and size found under its key are the presigned ones; returns
-- whether they are. Raises unauthenticated (§4).
select api.confirm_upload_copy(
  p_actor => sqlc.narg('actor'), p_key => @key, p_copy_key => @copy_key, p_mime => @mime,
  p_size_bytes => @size_bytes
) as is_confirmed;

-- name: UploadSweep :one
-- Deletes at most most uploads that expired more than a minute ago and orphans their objects, except
-- for linked copies. Returns the number of deleted uploads (§4).
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
-- Removes an attachment; for the author of its subject, and moderators. Raises unauthenticated,
-- not_found, banned, forbidden (§2).
select api.remove_attachment(
  p_actor => sqlc.narg('actor'), p_attachment_id => @attachment_id
);

-- name: OrphanedObjectFind :many
-- Returns at most most objects that are due for deletion from the bucket (§4).
select * from api.find_orphaned_objects(p_most => @most);

-- name: OrphanedObjectClear :exec
-- Deletes the rows of objects that the caller has deleted from the bucket (§4).
select api.clear_orphaned_objects(p_keys => @keys::text[]);

-- name: OrphanedObjectPostpone :exec
-- Postpones objects that the store refuses to delete by an hour, so that they hold up no others (§4).
select api.postpone_orphaned_objects(p_keys => @keys::text[]);

-- name: OrphanedObjectMark :one
-- Orphans those objects that no upload, copy or attachment refers to. Returns their number (§4).
select api.mark_orphaned_objects(p_keys => @keys::text[]) as orphaned;
