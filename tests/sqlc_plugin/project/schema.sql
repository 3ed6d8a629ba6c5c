-- migrate:up
create schema api;

create table people (
  id bigserial primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table posts (
  id uuid primary key,
  author_id bigint not null references people (id),
  title text,
  tags text[] not null default '{}',
  old_tags text[],
  grid int[][],
  "from" text,
  "class" int not null default 0,
  "list" text,
  meta jsonb not null default '{}',
  span interval,
  is_new boolean not null default true
);

create view api.posts as
select id, title, tags, old_tags, grid, "from", "class", "list", meta, span, is_new from posts;
comment on view api.posts is E'Shape of a "post" \\ as rows.';
create view api.media as select id, title as url from posts;
create view api.statuses as select id, title as status from posts;

create function api.list_posts(p_actor uuid, p_tags text[] default null, p_limit int default 20)
returns setof api.posts language sql stable as $$
  select * from api.posts p where p_tags is null or p.tags && p_tags order by p.title limit p_limit
$$;
comment on function api.list_posts(uuid, text[], int) is
  'Lists posts that have one of the tags, "newest" first, at most p_limit. A path is C:\temp, a quote '
  'isn''t """. With p_tags null, lists all. Raises validation_failed.';
create function api.list_media(p_actor uuid)
returns setof api.media language sql stable as $$ select * from api.media $$;
create function api.count_posts(p_actor uuid) returns bigint language sql stable
as $$ select count(*) from api.posts $$;
comment on function api.count_posts(uuid) is 'Returns the number of posts.';
create function api.echo(p_actor uuid, p_value jsonb) returns jsonb language sql immutable
as $$ select p_value $$;
create function api.rename(p_id bigint, p_name text) returns void language sql
as $$ update people set name = p_name where id = p_id $$;

-- migrate:down
drop schema api cascade;
drop table posts, people;
