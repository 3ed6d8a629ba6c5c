-- migrate:up

set local role communities_owner;

alter table public.doomed_object rename to orphaned_object;
alter table public.orphaned_object rename constraint doomed_object_pkey to orphaned_object_pkey;
alter index public.idx_doomed_due rename to idx_orphaned_object_due;
comment on table public.orphaned_object is
  'Lists objects in the bucket that no row refers to any more; the sweeper removes them.';

reset role;

-- migrate:down

drop schema if exists api cascade;
alter index public.idx_orphaned_object_due rename to idx_doomed_due;
alter table public.orphaned_object rename constraint orphaned_object_pkey to doomed_object_pkey;
alter table public.orphaned_object rename to doomed_object;
comment on table public.doomed_object is 'Objects that are to be removed from the bucket.';
