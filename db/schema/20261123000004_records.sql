-- migrate:up

set local role communities_owner;

create table public.outbox_event (
  id bigserial primary key,
  group_id uuid null,
  aggregate_type text not null,
  aggregate_id uuid not null,
  event_type text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  processed_at timestamptz null
);
comment on table public.outbox_event is 'Every change, for search, streams and sockets.';

create index idx_outbox_unprocessed on public.outbox_event (id) where processed_at is null;

create table public.audit_log (
  id uuid primary key default public.uuid_v7(),
  group_id uuid null,
  actor_id uuid null,
  action text not null,
  subject_type text not null,
  subject_id uuid not null,
  before jsonb null,
  after jsonb null,
  created_at timestamptz not null default now()
);
comment on table public.audit_log is
  'Changes with their actor and the states before and after; append-only.';

create index idx_audit_group on public.audit_log (group_id, created_at desc, id desc);

-- status is null only inside the transaction that still works on the request.
create table public.idempotency_key (
  actor_id uuid not null,
  key text not null check (char_length(key) between 1 and 255),
  fingerprint text not null,
  status smallint null,
  location text null,
  body text null,
  created_at timestamptz not null default now(),
  primary key (actor_id, key)
);
comment on table public.idempotency_key is 'Answers to requests that may be sent again.';

create index idx_idempotency_created on public.idempotency_key (created_at);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.idempotency_key;
drop table public.audit_log;
drop table public.outbox_event;
