-- migrate:up

set local role communities_owner;

-- stream is null for an event that is not published. stream_seq is its position there, assigned once
-- before it is published, so that Redis refuses a second publication.
alter table public.outbox_event
  add column stream text null check (stream in ('comm:post', 'comm:comment')),
  add column stream_seq bigint null unique,
  add column published_at timestamptz null;

create index idx_outbox_unsequenced on public.outbox_event (id)
  where stream is not null and stream_seq is null;
create index idx_outbox_unpublished on public.outbox_event (stream_seq)
  where stream_seq is not null and published_at is null;
create index idx_outbox_created on public.outbox_event (created_at);

create table public.stream_sequence (
  one boolean primary key default true check (one),
  last_seq bigint not null default 0
);
comment on table public.stream_sequence is
  'The last position in the streams; relays lock it in turn.';
insert into public.stream_sequence default values;

-- sleeps_until: writers notify an idle worker until then. A time, so that a dead worker expires.
create table public.outbox_consumer (
  name text primary key check (name in ('search', 'streams')),
  sleeps_until timestamptz not null default '-infinity'
);
comment on table public.outbox_consumer is 'Consumers of the outbox, and until when each is idle.';
insert into public.outbox_consumer (name) values ('search'), ('streams');

create table public.outbox_failure (
  consumer text not null references public.outbox_consumer (name),
  event_id bigint not null references public.outbox_event (id) on delete cascade,
  attempts int not null,
  next_attempt_at timestamptz not null,
  last_error text not null,
  dead_at timestamptz null,
  primary key (consumer, event_id)
);
comment on table public.outbox_failure is 'Events that a consumer could not deliver.';

create index idx_outbox_failure_event on public.outbox_failure (event_id);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.outbox_failure;
drop table public.outbox_consumer;
drop table public.stream_sequence;
alter table public.outbox_event
  drop column stream, drop column stream_seq, drop column published_at;
drop index public.idx_outbox_created;
