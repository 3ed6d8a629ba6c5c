-- name: UploadPresign :one
select * from api.presign_upload(
  p_actor => sqlc.narg('actor'), p_purpose => @purpose, p_mime => @mime,
  p_size_bytes => @size_bytes, p_filename => sqlc.narg('filename')
);

-- name: UploadFind :one
select * from api.find_upload(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => sqlc.narg('subject_type'),
  p_subject_id => sqlc.narg('subject_id')
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

-- name: AttachmentLink :one
select row_to_json(t) as body
from api.link_attachment(
  p_actor => sqlc.narg('actor'), p_key => @key, p_subject_type => @subject_type,
  p_subject_id => @subject_id, p_width => sqlc.narg('width'), p_height => sqlc.narg('height')
) as t;

-- name: AttachmentRemove :exec
select api.remove_attachment(
  p_actor => sqlc.narg('actor'), p_attachment_id => @attachment_id
);
