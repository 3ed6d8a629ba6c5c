-- Presigning an upload. Proves rules 01.5, 02.16, 61.1, 61.2, 61.3, 61.4 and 61.5.
begin;
select plan(44);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select is(
  (
    select to_jsonb(u) - 'key'
    from api.presign_upload(the('ada'), 'post', 'Image/PNG', 1234, 'photo.png') as u
  ),
  jsonb_build_object('mime', 'image/png', 'size_bytes', 1234, 'expires_at', now() + interval '15 minutes'),
  'An upload has a type, a size and an expiry in 15 minutes'
);
select is(
  (
    select count(distinct u.key)
    from generate_series(1, 10) as n
    cross join lateral api.presign_upload(the('ada'), 'post', 'image/png', n) as u
    where u.key ~ '^uploads/[A-Za-z0-9]{40,}$'
  ),
  10::bigint, 'Each upload has a random key'
);
select is(
  look($$ select filename || ' ' || purpose || ' ' || (actor_id = the('ada'))
    from presigned_upload where filename is not null $$),
  'photo.png post true', 'An upload has an actor and a purpose'
);
select lives_ok(
  format('select api.presign_upload(the(''ada''), %L, %L, 1)', purpose, mime),
  format('%s is accepted for purpose %s', mime, purpose)
)
from unnest(array[
  'image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif', 'video/mp4', 'video/webm',
  'audio/mpeg', 'audio/ogg', 'application/pdf'
]) as mime
cross join unnest(array['post', 'avatar']) as purpose
where purpose = 'post' or mime like 'image/%';
select throws_code(
  format('select api.presign_upload(the(''ada''), %L, %L, 1)', purpose, mime),
  'PT422', 'mime_not_allowed', format('%s is refused for purpose %s', mime, purpose)
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
  ($$'group', 'image/png', 1$$, '{purpose}'::text[], 'An unknown purpose is refused'),
  ($$null, 'image/png', 1$$, '{purpose}', 'A purpose is required'),
  ($$'post', null, 1$$, '{mime}', 'A type is required'),
  ($$'post', 'image/png', 0$$, '{size_bytes}', 'A size of 0 is refused'),
  ($$'post', 'image/png', 104857601$$, '{size_bytes}', 'A size above 104,857,600 bytes is refused'),
  ($$'post', 'image/png', 99999999999$$, '{size_bytes}',
    'A size above the range of int is refused'),
  ($$'post', 'image/png', null$$, '{size_bytes}', 'A size is required'),
  ($$'post', 'image/png', 1, repeat('a', 256)$$, '{filename}',
    'A file name above 255 characters is refused'),
  ($$'x', '', 0$$, '{purpose,mime,size_bytes}', 'One error names all invalid fields')
) as wrong (arguments, fields, description);
select lives_ok(
  $$ select api.presign_upload(the('ada'), 'post', 'image/png', 104857600) $$,
  '104,857,600 bytes are accepted'
);
select throws_code(
  $$ select api.presign_upload(null, 'x', 'y', 0) $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);

-- At most 100 pending uploads
select make_presign('first', 'bob');
select sudo(format(
  'update presigned_upload set expires_at = now() + interval ''7.2 seconds'' where key = %L', key('first')
));
select make_presign('pending', 'bob') from generate_series(2, 100);
select throws_retry(
  $$ select api.presign_upload(the('bob'), 'post', 'image/png', 1) $$, 'too_many_uploads', 8,
  'A user with 100 pending uploads is refused until the first of them expires'
);
select lives_ok(
  $$ select api.presign_upload(the('ada'), 'post', 'image/png', 1) $$, 'Another user is not refused'
);
select sudo(format('update presigned_upload set expires_at = now() where key = %L', key('first')));
select lives_ok(
  $$ select api.presign_upload(the('bob'), 'post', 'image/png', 1) $$,
  'An expired upload is not pending'
);
select sudo(format('update presigned_upload set linked_at = now() where key = %L', key('pending')));
select lives_ok(
  $$ select api.presign_upload(the('bob'), 'post', 'image/png', 1) $$,
  'A linked upload is not pending'
);
reset role;
select throws_ok(
  format('insert into public.media_type values (%L)', mime), '23514', null,
  format('The table of accepted types refuses %s', mime)
)
from unnest(array['image/svg+xml', 'text/html', 'IMAGE/PNG']) as mime;

select * from finish();
rollback;
