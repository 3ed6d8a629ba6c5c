-- migrate:up

set local role communities_owner;

-- Finds the time of a removal for a client that receives the event of the removed row late.
create index idx_outbox_removed on public.outbox_event ((payload #>> '{data,id}'))
  where event_type in ('reaction.removed', 'attachment.removed');

reset role;

-- migrate:down

drop schema if exists api cascade;
drop index public.idx_outbox_removed;
