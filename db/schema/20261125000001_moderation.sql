-- migrate:up

set local role communities_owner;

-- Rows that a batch removed have its created_at as deleted_at. Rows that were restored or removed
-- again since have another value.
create table public.moderation_batch (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  actor_id uuid not null,
  reason text not null check (char_length(reason) between 1 and 500),
  undone_by uuid null,
  undone_at timestamptz null,
  created_at timestamptz not null default now()
);
comment on table public.moderation_batch is 'Removals of many posts and comments at once.';

create index idx_moderation_batch_group on public.moderation_batch (group_id, created_at, id);

create table public.moderation_item (
  batch_id uuid not null references public.moderation_batch (id) on delete cascade,
  group_id uuid not null,
  subject_type text not null check (subject_type in ('post', 'comment')),
  subject_id uuid not null,
  restored_at timestamptz null,
  primary key (batch_id, subject_type, subject_id)
);
comment on table public.moderation_item is 'Posts and comments that each batch removed.';

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.moderation_item;
drop table public.moderation_batch;
