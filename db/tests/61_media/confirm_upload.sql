-- Where an upload belongs, and whether what was found of it is what was announced (§4).
begin;
select plan(20);

select make_user('ada');
select make_user('bob');
select left(set_config('key.new', key, true), 0) from api.presign_upload(the('ada'), 'post', 'image/png', 1000);
select make_upload('old', 'ada');
select sudo(format($$ update presigned_upload set expires_at = now() where key = %L $$, key('old')));
set local role communities_job;

select is(
  (select key from api.find_upload(the('ada'), key('new'))), key('new'), 'Who announced an upload finds it'
);
select is_empty(
  format('select * from api.find_upload(the(%L), %L)', actor, key), format('Nobody else does: %s', actor)
)
from (values ('bob', key('new')), ('ada', 'uploads/nonsense'), ('ada', null))
  as others (actor, key);
select is_empty(
  format('select * from api.find_upload(the(''ada''), %L)', key('old')), 'Nor is it found when it has expired'
);
select isnt(
  (select final_key from api.find_upload(the('ada'), key('new'))), place('new'),
  'It is to be copied to a new place each time it is found'
);
select is(
  look('select bool_and(due_at > now() + interval ''15 minutes'') from doomed_object'), 'true',
  'What is copied to the place before goes, once nobody can be copying any more'
);
select is(
  api.confirm_upload(the(actor), key, place, mime, size), confirmed, description
)
from (values
  ('ada', key('new'), place('new'), 'image/png', 999::bigint, false, 'Another size is not what was announced'),
  ('ada', key('new'), place('new'), 'image/gif', 1000, false, 'Nor is another type'),
  ('ada', key('new'), place('new'), null, null, false, 'Nor nothing'),
  ('bob', key('new'), place('new'), 'image/png', 1000, false, 'Another''s upload is not one''s own'),
  ('ada', 'uploads/nonsense', 'uploads/nonsense', 'image/png', 1000, false,
    'An upload that was not announced is none'),
  ('ada', key('new'), place('old'), 'image/png', 1000, false, 'Another place is not the upload''s'),
  ('ada', key('new'), key('new'), 'image/png', 1000, true, 'It is looked at where it was put'),
  ('ada', key('new'), place('new'), 'IMAGE/PNG', 1000, true, 'A type is compared without case'),
  ('ada', key('new'), place('new'), 'image/png', 1000, true, 'The same is confirmed again')
) as reports (actor, key, place, mime, size, confirmed, description);
select is(
  look(format('select stored_size from presigned_upload where key = %L', key('new'))), '1000',
  'What was found at the final key is taken down'
);
select is(
  (
    select look(format('select stored_size from presigned_upload where key = %L', u.key))
    from api.find_upload(the('ada'), key('new')) as u
    where api.confirm_upload(the('ada'), u.key, u.key, 'image/png', 1000)
  ),
  null, 'What was found before it was copied is not'
);
select throws_code(
  format('select api.find_upload(null, %L)', key('new')),
  'PT401', 'unauthenticated', 'An anonymous caller finds nothing'
);
select throws_code(
  format('select api.confirm_upload(null, %L, %L, ''image/png'', 1000)', key('new'), place('new')),
  'PT401', 'unauthenticated', 'An anonymous caller confirms nothing'
);

select * from finish();
rollback;
