-- name: IdempotencyKeyClaim :one
select * from api.claim_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotencyKeyReserve :one
select * from api.reserve_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotencyKeyRelease :exec
select api.release_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotentAnswerStore :exec
select api.store_idempotent_answer(
  p_actor => sqlc.narg('actor'), p_key => @key, p_status => @status,
  p_location => sqlc.narg('location'), p_body => @body
);
