-- migrate:up

set local role communities_owner;

-- UUIDs of version 7 sort by the time they were made, so that new rows land at one end of an index.
-- PostgreSQL 18 has them; below, the first 48 bits of a random UUID are replaced by the milliseconds.
do $$
begin
  if current_setting('server_version_num')::int >= 180000 then
    create function public.uuid_v7() returns uuid
      language sql volatile parallel safe
      return pg_catalog.uuidv7();
  else
    create function public.uuid_v7() returns uuid
      language sql volatile parallel safe
      return encode(
        set_bit(
          set_bit(
            overlay(
              uuid_send(gen_random_uuid())
              placing substring(
                int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
              )
              from 1 for 6
            ),
            52, 1
          ),
          53, 1
        ),
        'hex'
      )::uuid;
  end if;
end
$$;
comment on function public.uuid_v7() is 'Returns a new UUID of version 7.';
revoke execute on function public.uuid_v7() from public;

create table public.group_entity (
  id uuid primary key default public.uuid_v7(),
  campus_id uuid null,
  name text not null check (char_length(name) between 3 and 80),
  slug text not null check (slug ~ '^[a-z0-9-]{3,80}$'),
  description text not null default '' check (char_length(description) <= 2000),
  visibility text not null check (visibility in ('public', 'private', 'secret')),
  avatar_key text null,
  cover_key text null,
  is_locked boolean not null default false,
  tags text[] not null default '{}' check (cardinality(tags) <= 10),
  members_count int not null default 0 check (members_count >= 0),
  created_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz null
);
comment on table public.group_entity is 'Groups.';

create unique index group_entity_slug_key on public.group_entity (slug) where deleted_at is null;
create index idx_group_campus on public.group_entity (campus_id, created_at desc, id desc)
  where deleted_at is null;
create index idx_group_visibility on public.group_entity (visibility, created_at desc, id desc)
  where deleted_at is null;
create index idx_group_created on public.group_entity (created_at desc, id desc)
  where deleted_at is null;
create index idx_group_tags_gin on public.group_entity using gin (tags);

-- One row for each pair of group and user that ever met. A member is a row with left_at null; a ban
-- sets left_at. The row stays when a member leaves, and so do its ban and its mute.
create table public.group_member (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  user_id uuid not null,
  role text not null check (role in ('owner', 'admin', 'moderator', 'member')),
  joined_at timestamptz not null default now(),
  left_at timestamptz null,
  muted_until timestamptz null,
  is_banned boolean not null default false,
  ban_reason text null,
  banned_until timestamptz null,
  banned_by uuid null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (group_id, user_id),
  constraint group_member_banned_is_out check (not is_banned or left_at is not null),
  constraint group_member_left_has_no_role check (left_at is null or role = 'member')
);
comment on table public.group_member is 'Members, bans and mutes.';

create index idx_member_group on public.group_member (group_id, created_at, id)
  where left_at is null;
create index idx_member_role on public.group_member (group_id, role, created_at, id)
  where left_at is null;
create index idx_member_banned on public.group_member (group_id, created_at, id)
  where is_banned;
create index idx_member_user on public.group_member (user_id);

create table public.group_invite (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  code text not null unique,
  user_id uuid null,
  role text not null check (role in ('owner', 'admin', 'moderator', 'member')),
  max_uses int null check (max_uses >= 1),
  uses int not null default 0 check (uses >= 0 and (max_uses is null or uses <= max_uses)),
  expires_at timestamptz null,
  created_by uuid not null,
  created_at timestamptz not null default now()
);
comment on table public.group_invite is 'Invitations into a group by code.';

create index idx_invite_group on public.group_invite (group_id, created_at, id);

create table public.join_request (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  user_id uuid not null,
  status text not null default 'pending' check (status in ('pending', 'approved', 'denied')),
  decided_by uuid null,
  decided_at timestamptz null,
  created_at timestamptz not null default now()
);
comment on table public.join_request is 'Requests to join a private group.';

create unique index join_request_pending_key on public.join_request (group_id, user_id)
  where status = 'pending';
create index idx_join_request_group on public.join_request (group_id, created_at, id);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.join_request;
drop table public.group_invite;
drop table public.group_member;
drop table public.group_entity;
drop function public.uuid_v7();
