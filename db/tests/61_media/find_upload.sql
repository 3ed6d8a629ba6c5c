-- Finding an upload that the actor may still link. Proves rules 61.2, 61.6 and 61.13.
begin;
select plan(14);

select make_user('ada');
select make_user('bob');
select make_group('club', 'public');
select make_member('ada', 'club');
select make_post('own', 'club', 'ada');
select make_post('full', 'club', 'ada');
select make_media('post', 'full') from generate_series(1, 10);
select make_post('other', 'club');
select make_presign(name, 'ada') from unnest(array['new', 'expired']) as name;
select make_upload('linked', 'ada');
select from api.link_attachment(the('ada'), key('linked'), 'post', the('own'));
select sudo(format($$ update presigned_upload set expires_at = now() where key = %L $$, key('expired')));
set local role communities_job;

select results_eq(
  $$ select key, mime, size_bytes from api.find_upload(the('ada'), key('new')) $$,
  $$ values (key('new'), 'image/png', 1000) $$, 'The actor of a presigned upload finds it'
);
select is_empty(
  format('select * from api.find_upload(the(%L), %L)', actor, key), description
)
from (values
  ('bob', key('new'), 'Another actor does not find the upload'),
  ('ada', 'uploads/unknown', 'A key that was never presigned is not found'),
  ('ada', null, 'A null key is not found'),
  ('ada', key('expired'), 'An expired upload is not found'),
  ('ada', key('linked'), 'A linked upload is not found')
) as others (actor, key, description);
select throws_code(
  format('select api.find_upload(null, %L)', key('new')),
  'PT401', 'unauthenticated', 'An anonymous caller is refused'
);

-- For a subject
select is(
  (select count(*) from api.find_upload(the('ada'), key('new'), type, subject)),
  found::bigint, description
)
from (values
  ('post', the('own'), 1, 'An author finds an upload for their own post'),
  ('post', the('other'), 0, 'The upload is not found for the post of another author'),
  ('post', the('full'), 0, 'The upload is not found for a post with 10 attachments'),
  ('post', gen_random_uuid(), 0, 'The upload is not found for a missing post'),
  ('group', the('club'), 0, 'The upload is not found for a group unless the actor is an admin'),
  ('user', the('own'), 0, 'The upload is not found for a subject type without attachments')
) as subjects (type, subject, found, description);
select is(
  (select count(*) from api.find_upload(the('owner'), key('new'), 'group', the('club'))), 0::bigint,
  'An admin of the group does not find the upload of another user'
);

select * from finish();
rollback;
