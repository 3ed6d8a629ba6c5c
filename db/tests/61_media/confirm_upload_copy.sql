-- Confirming that the copy of an upload has the presigned type and size. Proves rules 61.6 and
-- 61.7.
begin;
select plan(12);

select make_user('ada');
select make_user('bob');
select make_group('club', 'public');
select make_member('ada', 'club');
select make_post('post', 'club', 'ada');
select make_presign(name, 'ada') from unnest(array['new', 'other']) as name;
select left(set_config(
  'copy.' || name, api.start_upload_copy(the('ada'), key(name), 'image/png', 1000), true
), 0)
from unnest(array['new', 'other']) as name;
set local role communities_job;

select is(
  api.confirm_upload_copy(the(actor), key, copy, mime, size), is_confirmed, description
)
from (values
  ('ada', key('new'), copy_key('new'), 'image/png', 999::bigint, false,
    'Another size is not confirmed'),
  ('ada', key('new'), copy_key('new'), 'image/gif', 1000, false, 'Another type is not confirmed'),
  ('ada', key('new'), copy_key('new'), null, null, false, 'A missing copy is not confirmed'),
  ('bob', key('new'), copy_key('new'), 'image/png', 1000, false,
    'Another actor cannot confirm a copy'),
  ('ada', key('new'), copy_key('other'), 'image/png', 1000, false,
    'The copy of another upload is not confirmed'),
  ('ada', key('new'), key('new'), 'image/png', 1000, false,
    'The key of the upload itself is not confirmed')
) as reports (actor, key, copy, mime, size, is_confirmed, description);
select throws_code(
  $$ select api.link_attachment(the('ada'), key('new'), 'post', the('post')) $$,
  'PT422', 'attachment_mismatch', 'An upload without a confirmed copy is not linked'
);
select is(
  api.confirm_upload_copy(the('ada'), key('new'), copy_key('new'), 'IMAGE/PNG', 1000), true,
  'The presigned size and type are confirmed; types compare without case'
);
select is(
  api.confirm_upload_copy(the('ada'), key('new'), copy_key('new'), 'image/png', 1000), true,
  'A copy may be confirmed again'
);
select is(
  api.start_upload_copy(the('ada'), key('new'), 'image/png', 1000) is not null, true,
  'A concurrent request starts another copy'
);
select is(
  (select key from api.link_attachment(the('ada'), key('new'), 'post', the('post'))), copy_key('new'),
  'An unconfirmed copy does not invalidate a confirmed one'
);
select throws_code(
  format('select api.confirm_upload_copy(null, %L, %L, ''image/png'', 1000)', key('new'), copy_key('new')),
  'PT401', 'unauthenticated', 'An anonymous caller is refused'
);

select * from finish();
rollback;
