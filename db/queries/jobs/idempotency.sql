-- name: IdempotencyKeyPrune :one
select api.prune_idempotency_keys(p_most => @most) as pruned;
