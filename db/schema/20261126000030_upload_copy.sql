-- migrate:up

set local role communities_owner;

-- One row for each copy, so that concurrent requests for one upload cannot invalidate each other's.
create table public.upload_copy (
  key text primary key,
  upload_key text not null references public.presigned_upload (key) on delete cascade,
  is_confirmed boolean not null default false,
  created_at timestamptz not null default now()
);
comment on table public.upload_copy is
  'Copies of uploaded objects under keys that no presigned URL can overwrite.';

create index idx_upload_copy_upload on public.upload_copy (upload_key);

insert into public.upload_copy (key, upload_key, is_confirmed)
select final_key, key, coalesce(stored_mime = mime and stored_size = size_bytes, false)
from public.presigned_upload where linked_at is null;

alter table public.presigned_upload alter column final_key drop not null;
update public.presigned_upload set final_key = null where linked_at is null;
alter table public.presigned_upload drop column stored_mime, drop column stored_size;
comment on table public.presigned_upload is
  'Presigned uploads: key is where the presigned URL writes, final_key the copy that was linked.';

create index idx_upload_pending on public.presigned_upload (actor_id, expires_at) where linked_at is null;

-- A fixed number of rows: a row per user would be personal data that outlives the user's uploads.
create table public.presign_lock (
  bucket smallint primary key check (bucket between 0 and 255)
);
comment on table public.presign_lock is
  'Rows to lock while the pending uploads of a user are counted; users share them by their id.';

insert into public.presign_lock (bucket) select generate_series(0, 255);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.presign_lock;
drop index public.idx_upload_pending;
alter table public.presigned_upload add column stored_mime text null, add column stored_size bigint null;
update public.presigned_upload as u
set final_key = c.key, stored_mime = u.mime, stored_size = u.size_bytes
from (
  select distinct on (upload_key) upload_key, key
  from public.upload_copy where is_confirmed
  order by upload_key, created_at desc
) as c
where c.upload_key = u.key and u.final_key is null;
insert into public.orphaned_object (key)
select c.key from public.upload_copy as c join public.presigned_upload as u on u.key = c.upload_key
where c.key is distinct from u.final_key
on conflict (key) do nothing;
update public.presigned_upload set final_key = 'media/' || gen_random_uuid() where final_key is null;
alter table public.presigned_upload alter column final_key set not null;
drop table public.upload_copy;
comment on table public.presigned_upload is 'Uploads that were announced.';
