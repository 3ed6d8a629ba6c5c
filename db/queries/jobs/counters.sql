-- name: CounterVerify :many
select * from api.verify_counters();

-- name: CounterRepair :one
select api.repair_counters() as repaired;
