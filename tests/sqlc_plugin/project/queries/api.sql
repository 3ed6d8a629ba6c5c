-- name: PostPage :many
-- The posts that hold one of the tags, "newest" first.
--
-- A path is C:\temp, a quote is """.
select * from api.list_posts(
  p_actor => sqlc.narg('actor'), p_tags => sqlc.narg('tags')::text[],
  p_kind => sqlc.narg('kind')::api.kind, p_limit => @max
);

-- name: PostTitles :many
select p.title, p.tags from api.list_posts(p_actor => @actor) as p;

-- name: PostCount :one
-- "How many" there are, in "all"
select api.count_posts(p_actor => @actor);

-- name: PostIds :many
select p.id from api.list_posts(p_actor => null) as p;

-- name: ValueEcho :one
select api.echo(p_actor => null, p_value => @value) as value;

-- name: PersonRename :exec
select api.rename(p_id => @id, p_name => @name);
