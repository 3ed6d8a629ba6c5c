-- name: PersonGet :one
select * from people where id = @id;

-- name: PersonCreate :one
insert into people (name, nick, mood, moods) values (@name, sqlc.narg('nick'), @mood, @moods)
returning *;

-- name: MoodGet :one
select mood from people where id = @id;

-- name: MoodsAll :many
select moods from people order by id;

-- name: PostGet :one
select * from posts where id = @id;

-- name: PostCreate :exec
insert into posts (
  id, author_id, title, slug, kind, tags, old_tags, grid, "from", "class", "list", "Weird name",
  meta, extra, price, ratio, day, clock, span, raw, address, during
) values (
  @id, @author_id, @title, @slug, @kind, @tags, @old_tags, @grid, @from_, @class, @list, @weird,
  @meta, @extra, @price, @ratio, @day, @clock, @span, @raw, @address, @during
);

-- name: PostPick :many
select id from posts where id = any($1::uuid[]) and "class" between $2 and $3 order by id;

-- name: PostUpdate :execrows
update posts set title = @title, old_tags = @tags where title is distinct from @title::text;

-- name: PostTouch :execresult
update posts set title = title where is_new = @is_new;

-- name: PostWithAuthor :many
select sqlc.embed(people), posts.id, posts.title as id
from posts join people on people.id = posts.author_id;

-- name: Literals :one
select /* $1 in a comment /* nested */ is 100% $1 */
  '100% $1' as percent, E'it''s \' $1' as escaped, $$ $1 % $$ as dollars, $a$ $1 $$ $a$ as tagged,
  'a  ' || @word::text as glued, (@word)::text || @word as twice, @words::text[] as words,  
  (@words)[1]::text as "first ""word", 7 % 4 as rest -- $1 %
;

-- name: LiteralsAlone :one
select '100%' as percent, 7 % 4 as rest;

-- name: Import :one
select id from people where name like 'a%' and nick = @global;

-- name: PageByOffset :many
select id from people order by id limit @lim offset @off;
