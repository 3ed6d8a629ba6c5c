-- migrate:up

set local role communities_owner;

alter table public.outbox_event add column traceparent text null;
comment on column public.outbox_event.traceparent is
  'The span that the change was made in, as W3C Trace Context writes it; null where nobody traces.';

reset role;

-- migrate:down

drop schema if exists api cascade;
alter table public.outbox_event drop column traceparent;
