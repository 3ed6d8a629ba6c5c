-- migrate:up

set local role communities_owner;

-- What may be uploaded; a trusted job changes it. A browser runs scripts in SVG and HTML.
create table public.media_type (
  mime text primary key check (
    mime = lower(mime) and mime ~ '^[a-z0-9.+-]+/[a-z0-9.+-]+$'
    and mime not in ('image/svg+xml', 'text/html', 'application/xhtml+xml')
  )
);
comment on table public.media_type is 'The types of files that may be uploaded.';

insert into public.media_type (mime)
values
  ('image/jpeg'), ('image/png'), ('image/webp'), ('image/gif'), ('image/avif'), ('video/mp4'),
  ('video/webm'), ('audio/mpeg'), ('audio/ogg'), ('application/pdf');

-- The presigned URL writes to key, and no URL writes to final_key. stored_… describes the object at
-- final_key after the copy.
create table public.presigned_upload (
  key text primary key,
  final_key text not null unique,
  actor_id uuid not null,
  purpose text not null check (purpose in ('post', 'comment', 'avatar', 'cover')),
  mime text not null,
  size_bytes int not null check (size_bytes between 1 and 104857600),
  filename text null check (char_length(filename) <= 255),
  stored_mime text null,
  stored_size bigint null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  linked_at timestamptz null
);
comment on table public.presigned_upload is 'Uploads that were announced.';

create index idx_upload_unlinked on public.presigned_upload (expires_at) where linked_at is null;

create table public.doomed_object (
  key text primary key,
  due_at timestamptz not null default now()
);
comment on table public.doomed_object is 'Objects that are to be removed from the bucket.';

create index idx_doomed_due on public.doomed_object (due_at);

reset role;

-- migrate:down

drop schema if exists api cascade;
drop table public.doomed_object;
drop table public.presigned_upload;
drop table public.media_type;
