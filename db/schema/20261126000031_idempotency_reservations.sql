-- migrate:up

set local role communities_owner;

alter table public.idempotency_key add column reserved_until timestamptz null;
comment on column public.idempotency_key.reserved_until is
  'Until when one request under this key prepares its transaction; null once it has an answer.';

reset role;

-- migrate:down

drop schema if exists api cascade;
delete from public.idempotency_key where status is null;
alter table public.idempotency_key drop column reserved_until;
