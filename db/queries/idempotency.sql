-- name: IdempotencyKeyClaim :one
-- Claims a key for the effect of this transaction and returns no row; returns the stored answer when
-- the request succeeded within the last 24 hours. p_fingerprint identifies method, path and body. Raises
-- unauthenticated, validation_failed, idempotency_key_reused, idempotency_in_progress (§3).
select * from api.claim_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotencyKeyReserve :one
-- Reserves a key for ten seconds and returns no row, so that the caller alone prepares the transaction
-- that claims the key; returns the stored answer when there is one. Raises unauthenticated,
-- validation_failed, idempotency_key_reused, idempotency_in_progress (§3).
select * from api.reserve_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotencyKeyRelease :exec
-- Ends a reservation whose request was refused, unless a concurrent transaction has claimed the key.
-- Raises unauthenticated (§3).
select api.release_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotentAnswerStore :exec
-- Stores the answer of the request whose key this transaction has claimed. Raises unauthenticated,
-- not_found (§3).
select api.store_idempotent_answer(
  p_actor => sqlc.narg('actor'), p_key => @key, p_status => @status,
  p_location => sqlc.narg('location'), p_body => @body
);

-- name: IdempotencyKeyPrune :one
-- Deletes at most p_most keys older than 24 hours. Returns the number of deleted keys (§3).
select api.prune_idempotency_keys(p_most => @most) as pruned;
