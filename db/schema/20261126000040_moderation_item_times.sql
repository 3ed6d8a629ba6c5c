-- migrate:up

set local role communities_owner;

alter table public.moderation_item add column subject_created_at timestamptz;
update public.moderation_item as i
set subject_created_at = coalesce(
  (select p.created_at from public.post as p where p.id = i.subject_id),
  (select c.created_at from public.comment as c where c.id = i.subject_id),
  (select b.created_at from public.moderation_batch as b where b.id = i.batch_id)
);
alter table public.moderation_item alter column subject_created_at set not null;
comment on column public.moderation_item.subject_created_at is
  'When the post or comment was written, so that an index serves the list of a batch.';

create index idx_moderation_item_batch
  on public.moderation_item (batch_id, subject_created_at, subject_id);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop index public.idx_moderation_item_batch;
alter table public.moderation_item drop column subject_created_at;
