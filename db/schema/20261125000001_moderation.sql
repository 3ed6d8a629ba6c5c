-- migrate:up

set local role communities_owner;

-- What one batch has removed has its created_at as deleted_at: whatever was restored or removed again
-- by somebody else since has another one.
create table public.moderation_batch (
  id uuid primary key default public.uuid_v7(),
  group_id uuid not null references public.group_entity (id) on delete cascade,
  actor_id uuid not null,
  reason text not null check (char_length(reason) between 1 and 500),
  undone_by uuid null,
  undone_at timestamptz null,
  created_at timestamptz not null default now()
);
comment on table public.moderation_batch is 'Removals of many posts and comments at once (§2).';

create index idx_moderation_batch_group on public.moderation_batch (group_id, created_at, id);

create table public.moderation_item (
  batch_id uuid not null references public.moderation_batch (id) on delete cascade,
  group_id uuid not null,
  subject_type text not null check (subject_type in ('post', 'comment')),
  subject_id uuid not null,
  restored_at timestamptz null,
  primary key (batch_id, subject_type, subject_id)
);
comment on table public.moderation_item is 'What each batch has removed (§2).';

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.moderation_item;
drop table public.moderation_batch;
