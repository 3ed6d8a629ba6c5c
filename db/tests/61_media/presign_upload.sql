-- Announcing an upload (§4, §8).
begin;
select plan(40);

select make_user('ada');
set local role communities_job;

select is(
  (
    select to_jsonb(u) - 'key' - 'final_key'
    from api.presign_upload(the('ada'), 'post', 'Image/PNG', 1234, 'photo.png') as u
  ),
  jsonb_build_object('mime', 'image/png', 'size_bytes', 1234, 'expires_at', now() + interval '15 minutes'),
  'An upload has a type, a size and minutes to be made in'
);
select is(
  (
    select count(distinct k)
    from generate_series(1, 10) as n
    cross join lateral api.presign_upload(the('ada'), 'post', 'image/png', n) as u
    cross join lateral unnest(array[u.key, u.final_key]) as k
    where k ~ '^(uploads|media)/[A-Za-z0-9]{40,}$'
  ),
  20::bigint, 'Its keys are random, and never the same'
);
select is(
  look($$ select filename || ' ' || purpose || ' ' || (actor_id = the('ada'))
    from presigned_upload where filename is not null $$),
  'photo.png post true', 'It is bound to the caller and a purpose'
);
select lives_ok(
  format('select api.presign_upload(the(''ada''), %L, %L, 1)', purpose, mime),
  format('%s may be uploaded for a %s', mime, purpose)
)
from unnest(array[
  'image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'video/mp4', 'video/webm',
  'audio/mpeg', 'audio/ogg', 'application/pdf'
]) as mime
cross join unnest(array['post', 'avatar']) as purpose
where purpose = 'post' or mime like 'image/%';
select throws_code(
  format('select api.presign_upload(the(''ada''), %L, %L, 1)', purpose, mime),
  'PT422', 'mime_not_allowed', format('%s may not be uploaded for a %s', mime, purpose)
)
from (values
  ('post', 'image/svg+xml'), ('post', 'text/html'), ('post', 'application/javascript'),
  ('post', 'image/png; charset=utf-8'), ('post', 'image/png '), ('post', 'png'), ('cover', 'video/mp4'),
  ('avatar', 'application/pdf')
) as refused (purpose, mime);
select throws_fields(
  format('select api.presign_upload(the(''ada''), %s)', arguments), fields, description
)
from (values
  ($$'group', 'image/png', 1$$, '{purpose}'::text[], 'A purpose is one of four'),
  ($$null, 'image/png', 1$$, '{purpose}', 'A purpose is required'),
  ($$'post', null, 1$$, '{mime}', 'A type is required'),
  ($$'post', 'image/png', 0$$, '{size_bytes}', 'An upload has 1 byte at least'),
  ($$'post', 'image/png', 104857601$$, '{size_bytes}', 'An upload has 104,857,600 bytes at most'),
  ($$'post', 'image/png', 99999999999$$, '{size_bytes}', 'Any larger number is too large'),
  ($$'post', 'image/png', null$$, '{size_bytes}', 'A size is required'),
  ($$'post', 'image/png', 1, repeat('a', 256)$$, '{filename}', 'A name has 255 characters at most'),
  ($$'x', '', 0$$, '{purpose,mime,size_bytes}', 'All fields at fault are named')
) as wrong (arguments, fields, description);
select lives_ok(
  $$ select api.presign_upload(the('ada'), 'post', 'image/png', 104857600) $$,
  '104,857,600 bytes may be uploaded'
);
select throws_code(
  $$ select api.presign_upload(null, 'x', 'y', 0) $$, 'PT401', 'unauthenticated',
  'An anonymous caller announces nothing'
);
reset role;
select throws_ok(
  format('insert into public.media_type values (%L)', mime), '23514', null,
  format('%s is never allowed', mime)
)
from unnest(array['image/svg+xml', 'text/html', 'IMAGE/PNG']) as mime;

select * from finish();
rollback;
