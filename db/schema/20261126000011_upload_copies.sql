-- migrate:up

set local role communities_owner;

alter table public.presigned_upload add column copies smallint not null default 0;
comment on column public.presigned_upload.copies is
  'Number of copies of the object; each is kept until the upload expires.';

reset role;

-- migrate:down

drop schema if exists api cascade;
alter table public.presigned_upload drop column copies;
