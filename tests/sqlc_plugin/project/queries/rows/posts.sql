-- name: PostList :many
select * from api.list_posts(
  p_actor => sqlc.narg('actor'), p_tags => sqlc.narg('tags')::text[], p_limit => @max
);

-- name: PostTitles :many
select p.title, p.tags from api.list_posts(p_actor => @actor) as p;

-- name: PostIds :many
select p.id from api.list_posts(p_actor => null) as p;

-- name: PostCount :one
select api.count_posts(p_actor => @actor);

-- name: MediaList :many
select * from api.list_media(p_actor => sqlc.narg('actor'));

-- name: ValueEcho :one
select api.echo(p_actor => null, p_value => @value) as value;

-- name: PersonRename :exec
select api.rename(p_id => @id, p_name => @name);

-- name: PostPick :many
select id from posts where id = any($1::uuid[]) and "class" between $2 and $3 order by id;

-- name: Import :one
select id from people where name like 'a%' and name = @global;

-- name: Literals :one
select /* $1 in a comment /* nested */ is 100% $1 */
  '100% $1' as percent, E'it''s \' $1' as escaped, $$ $1 % $$ as dollars, $a$ $1 $$ $a$ as tagged,
  'a  ' || @word::text as glued, (@word)::text || @word as twice, @words::text[] as words,  
  (@words)[1]::text as "first ""word", 7 % 4 as rest -- $1 %
;

-- name: LiteralsAlone :one
select '100%' as percent, 7 % 4 as rest;
