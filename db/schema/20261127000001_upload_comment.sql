-- migrate:up

set local role communities_owner;

comment on table public.presigned_upload is
  'Presigned uploads, until they are linked or expire; key is written by clients, final_key never.';

reset role;

-- migrate:down

drop schema if exists api cascade;
comment on table public.presigned_upload is 'Uploads that were announced.';
