-- name: UploadPresign :one
select * from api.presign_upload(
  p_actor => sqlc.narg('actor'), p_purpose => @purpose, p_mime => @mime,
  p_size_bytes => @size_bytes, p_filename => sqlc.narg('filename')
);

-- name: UploadCopyStart :one
select api.start_upload_copy(
  p_actor => sqlc.narg('actor'), p_key => @key, p_mime => @mime, p_size_bytes => @size_bytes
) as copy_key;

-- name: UploadCopyConfirm :one
select api.confirm_upload_copy(
  p_actor => sqlc.narg('actor'), p_key => @key, p_copy_key => @copy_key, p_mime => @mime,
  p_size_bytes => @size_bytes
) as is_confirmed;

-- name: UploadSweep :one
select api.sweep_uploads(p_most => @most) as swept;

-- name: AttachmentLink :one
select * from api.link_attachment(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_width => sqlc.narg('width'), p_height => sqlc.narg('height')
);

-- name: OrphanedObjectFind :many
select * from api.find_orphaned_objects(p_most => @most);

-- name: OrphanedObjectClear :exec
select api.clear_orphaned_objects(p_keys => @keys::text[]);

-- name: OrphanedObjectPostpone :exec
select api.postpone_orphaned_objects(p_keys => @keys::text[]);

-- name: OrphanedObjectMark :one
select api.mark_orphaned_objects(p_keys => @keys::text[]) as orphaned;
