-- name: IdempotencyKeyClaim :one
-- No row: the request is new and its effect may be made in this transaction. A row: the answer
-- that it got within the last 24 hours. p_fingerprint stands for method, path and body. Raises
-- unauthenticated, validation_failed, idempotency_key_reused, idempotency_in_progress (§3).
select * from api.claim_idempotency_key(
  p_actor => sqlc.narg('actor'), p_key => @key, p_fingerprint => @fingerprint
);

-- name: IdempotentAnswerStore :exec
-- Keeps the answer of the effect that this transaction made under the claimed key. Raises
-- unauthenticated, not_found (§3).
select api.store_idempotent_answer(
  p_actor => sqlc.narg('actor'), p_key => @key, p_status => @status,
  p_location => sqlc.narg('location'), p_body => @body
);

-- name: IdempotencyKeyPrune :one
-- Removes at most p_most keys older than 24 hours; how many it removed (§3).
select api.prune_idempotency_keys(p_most => @most) as pruned;
