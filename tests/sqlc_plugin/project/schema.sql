-- migrate:up
create schema api;

create type mood as enum ('ok', 'not-ok', 'class', '1st', 'a b', 'été');
comment on type mood is 'How someone "feels"';
create type api.kind as enum ('post', 'reply');
create domain slug as text check (value ~ '^[a-z-]+$');

create table people (
  id bigserial primary key,
  name varchar(40) not null,
  nick text,
  mood mood not null default 'ok',
  moods mood[] not null default '{}',
  created_at timestamptz not null default now()
);
comment on table people is E'Who "writes" \\ here.\nAnd reads.';
comment on column people.nick is E'the name\nfor friends';

create table posts (
  id uuid primary key,
  author_id bigint not null references people (id),
  title text,
  slug slug not null,
  kind api.kind,
  tags text[] not null default '{}',
  old_tags text[],
  grid int[][],
  "from" text,
  "class" int not null default 0,
  "list" text,
  "Weird name" text,
  meta jsonb not null default '{}',
  extra json,
  price numeric(10, 2),
  ratio double precision,
  day date,
  clock time,
  span interval,
  raw bytea,
  address inet,
  during tstzrange,
  is_new boolean not null default true
);

create table statuses (id int primary key, label text not null);
create table boxes (id int primary key, label text not null);
create table categories (id int primary key, label text not null);
create table campuses (id int primary key, label text not null);
create table addresses (id int primary key, label text not null);

create view api.posts as
select p.id, p.title, p.kind, p.tags, p.old_tags, p.meta, a.name as author, a.mood
from posts p join people a on a.id = p.author_id;

create function api.list_posts(p_actor uuid, p_tags text[] default null, p_kind api.kind default null, p_limit int default 20)
returns setof api.posts language sql stable as $$
  select * from api.posts p
  where (p_tags is null or p.tags && p_tags) and (p_kind is null or p.kind = p_kind)
  order by p.title limit p_limit
$$;
create function api.count_posts(p_actor uuid) returns bigint language sql stable
as $$ select count(*) from api.posts $$;
create function api.echo(p_actor uuid, p_value jsonb) returns jsonb language sql immutable
as $$ select p_value $$;
create function api.rename(p_id bigint, p_name text) returns void language sql
as $$ update people set name = p_name where id = p_id $$;

-- migrate:down
drop schema api cascade;
drop table posts, people, statuses, boxes, categories, campuses, addresses;
