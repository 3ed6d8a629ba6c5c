-- Where an upload belongs, and whether what was found of it is what was announced (§4).
begin;
select plan(31);

select make_user('ada');
select make_user('bob');
select make_group('club', 'public');
select make_member('ada', 'club');
select make_post('own', 'club', 'ada');
select make_post('full', 'club', 'ada');
select make_media('post', 'full') from generate_series(1, 10);
select make_post('other', 'club');
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
  look('select bool_and(due_at > now() + interval ''15 minutes'') from orphaned_object'), 'true',
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

-- What cannot be linked is not copied
select is(
  (select count(*) from api.find_upload(the('ada'), key('new'), type, subject)),
  found::bigint, description
)
from (values
  ('post', the('own'), 1, 'An upload is found for a post of one''s own'),
  ('post', the('other'), 0, 'For another''s it is not'),
  ('post', the('full'), 0, 'Nor for one that has no room'),
  ('post', gen_random_uuid(), 0, 'Nor for one that is not there'),
  ('group', the('club'), 0, 'Nor for a group that one is no admin of'),
  ('user', the('own'), 0, 'Nor for what has no attachments')
) as subjects (type, subject, found, description);

-- Nor is it copied without end
select is(
  (
    select array_agg(api.confirm_upload(the('ada'), key('new'), key('new'), 'image/png', 1000))
    from generate_series(1, 9)
  ),
  array_fill(true, array[8]) || false, 'An upload is copied ten times at most'
);
select is_empty(
  $$ select api.find_upload(the('ada'), key('new')) $$, 'Then there is no place for it any more'
);
select lives_ok(
  format(
    $$ select api.confirm_upload(the('ada'), %L, %L, 'image/png', 1000) $$, key('new'), place('new')
  ),
  'What was found at its last place is taken down all the same'
);
select lives_ok(
  $$ select api.link_attachment(the('ada'), key('new'), 'post', the('own')) $$, 'And linked'
);
select is(
  api.confirm_upload(the('ada'), key('new'), key('new'), 'image/png', 1000), false,
  'What is linked is not copied again'
);

select * from finish();
rollback;
