-- migrate:up

set local role communities_owner;

-- version counts the changes of the searched part of a row, across all tables. A writer takes the next
-- value under the row's lock. The versions of a row therefore grow, and the index keeps the newest.
create sequence public.row_version;

alter table public.group_entity
  add column version bigint not null default nextval('public.row_version');
alter table public.post
  add column version bigint not null default nextval('public.row_version');
alter table public.comment
  add column version bigint not null default nextval('public.row_version');

reset role;

-- migrate:down

drop schema if exists api cascade;
alter table public.comment drop column version;
alter table public.post drop column version;
alter table public.group_entity drop column version;
drop sequence public.row_version;
