-- name: TagCreate :one
select * from api.create_tag(p_actor => sqlc.narg('actor'), p_tag => @tag);
