-- name: CounterVerify :many
-- Names every counter that does not agree with the rows it counts; none, ever (§1.2).
select * from api.verify_counters();

-- name: CounterRepair :one
-- Mends every counter that is wrong, under load too; how many it mended (§1.2).
select api.repair_counters() as repaired;
