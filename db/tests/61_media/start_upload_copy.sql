-- Allotting a key for a copy of an uploaded object. Proves rules 61.7 and 61.13.
begin;
select plan(12);

select make_user('ada');
select make_user('bob');
select make_group('club', 'public');
select make_member('ada', 'club');
select make_post('post', 'club', 'ada');
select make_presign('new', 'ada');
select make_upload('linked', 'ada');
select from api.link_attachment(the('ada'), key('linked'), 'post', the('post'));
set local role communities_job;

select matches(
  api.start_upload_copy(the('ada'), key('new'), 'IMAGE/PNG', 1000), '^media/[A-Za-z0-9]{40,}$',
  'An object of the presigned type and size is copied to an unguessable key'
);
select isnt(
  api.start_upload_copy(the('ada'), key('new'), 'image/png', 1000),
  api.start_upload_copy(the('ada'), key('new'), 'image/png', 1000),
  'Each copy has its own key'
);
select is(api.start_upload_copy(the(actor), key, mime, size), null, description)
from (values
  ('ada', key('new'), 'image/png', 999::bigint, 'An object of another size is not copied'),
  ('ada', key('new'), 'image/gif', 1000, 'An object of another type is not copied'),
  ('ada', key('new'), null, null, 'A missing object is not copied'),
  ('bob', key('new'), 'image/png', 1000, 'The upload of another actor is not copied'),
  ('ada', 'uploads/unknown', 'image/png', 1000, 'An upload that was never presigned is not copied'),
  ('ada', key('linked'), 'image/png', 1000, 'A linked upload is not copied')
) as reports (actor, key, mime, size, description);
select throws_code(
  format('select api.start_upload_copy(null, %L, ''image/png'', 1000)', key('new')),
  'PT401', 'unauthenticated', 'An anonymous caller is refused'
);
select is(
  (
    select array_agg(api.start_upload_copy(the('ada'), key('new'), 'image/png', 1000) is not null)
    from generate_series(1, 8)
  ),
  array_fill(true, array[7]) || false, 'An upload is copied at most ten times'
);
select make_presign('copied', 'ada');
select make_copy('copied', 'ada') from generate_series(1, 10);
select is(
  api.start_upload_copy(the('ada'), key('copied'), 'image/png', 1000), null,
  'An eleventh copy is refused'
);
select lives_ok(
  $$ select api.link_attachment(the('ada'), key('copied'), 'post', the('post')) $$,
  'The tenth copy can still be linked'
);

select * from finish();
rollback;
