-- name: PostList :one
select json_agg(row_to_json(t)) as body
from api.list_posts(p_actor => sqlc.narg('actor'), p_limit => @max) as t;

-- name: PostGet :one
select t.id, row_to_json(t) as body from api.list_posts(p_actor => sqlc.narg('actor')) as t;

-- name: PostFind :many
select * from api.list_posts(p_actor => sqlc.narg('actor'));
