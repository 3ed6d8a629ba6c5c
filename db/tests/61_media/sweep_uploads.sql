-- Objects that nobody needs are removed from the bucket (§4).
begin;
select plan(24);

select make_group('club', 'public');
select make_post('post', 'club');
select make_upload(name, 'owner')
from unnest(array['linked', 'unlinked', 'unlinked2', 'young', 'kept']) as name;
select remember('linked', id)
from api.link_attachment(the('owner'), key('linked'), 'post', the('post'));
select remember('kept', id) from api.link_attachment(the('owner'), key('kept'), 'post', the('post'));

create function pg_temp.final(p_name text) returns text language sql as $$
  select final_key from public.presigned_upload where key = key(p_name)
$$;
select left(set_config('key.final_' || name, pg_temp.final(name), true), 0)
from unnest(array['linked', 'unlinked', 'unlinked2', 'kept']) as name;

select is_empty('select * from api.find_orphaned_objects()', 'What is in use is not removed');
select is(
  (select due_at from public.orphaned_object where key = key('linked')), now() + interval '15 minutes',
  'The first object of a linked upload goes when its URL has expired'
);
update public.presigned_upload set expires_at = now() - interval '2 minutes' where key <> key('young');
update public.orphaned_object set due_at = now() - interval '2 minutes';
set local role communities_job;
select is(api.sweep_uploads(1), 1, 'At most as many uploads are forgotten as asked for');
select is(api.sweep_uploads(), 3, 'Then the rest of those that have expired');
select is(api.sweep_uploads(), 0, 'Then none');
select bag_eq(
  'select key from api.find_orphaned_objects() as key',
  $$
    select key(name) from unnest(array[
      'linked', 'kept', 'unlinked', 'final_unlinked', 'unlinked2', 'final_unlinked2'
    ]) as name
  $$,
  'Of an upload that was never linked all goes, of a linked one what the URL wrote'
);
select is(
  (select count(*) from api.find_orphaned_objects(2)), 2::bigint, 'At most as many are found as asked for'
);
select lives_ok(
  $$ select api.forget_orphaned_objects(array(select key from api.find_orphaned_objects())) $$,
  'What was removed from the bucket is forgotten'
);
select is_empty('select * from api.find_orphaned_objects()', 'And found no more');

select from api.remove_attachment(the('owner'), the('linked'));
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array[key('final_linked')],
  'With an attachment its object goes'
);
select from api.forget_orphaned_objects(array[key('final_linked')]);
select sudo($$ delete from post where id = the('post') $$);
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array[key('final_kept')],
  'With a post those of its attachments'
);
select from api.forget_orphaned_objects(array[key('final_kept')]);

-- What the store refuses to remove
select sudo($$ insert into orphaned_object (key) values ('refused'), ('other') $$);
select lives_ok(
  $$ select api.postpone_orphaned_objects(array['refused', 'none']) $$, 'What is refused is postponed'
);
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array['other'],
  'So that it is in nobody''s way'
);
select is(
  look($$ select due_at = now() + interval '1 hour' from orphaned_object where key = 'refused' $$), 'true',
  'It is tried again in an hour'
);

-- What is in the bucket, and in no table
select make_upload('waiting', 'owner');
select sudo($$
  insert into media_attachment (group_id, subject_type, subject_id, s3_key, mime, size_bytes, created_by)
  values (the('club'), 'group', the('club'), 'media/attached', 'image/png', 1, the('owner'))
$$);
select is(
  api.mark_stray_objects(array[key('waiting'), place('waiting'), 'media/attached', 'uploads/a', 'uploads/b']), 2,
  'An object of no upload and no attachment is orphaned'
);
select bag_eq(
  'select key from api.find_orphaned_objects()', array['other', 'uploads/a', 'uploads/b'], 'At once'
);
select is(api.mark_stray_objects(array['uploads/a', 'refused']), 0, 'What is orphaned already stays as it is');
reset role;
select is(
  has_function_privilege('communities_service', signature, 'execute'), false,
  format('The service does not call %s', signature)
)
from unnest(array[
  'api.sweep_uploads(int)', 'api.find_orphaned_objects(int)', 'api.forget_orphaned_objects(text[])',
  'api.postpone_orphaned_objects(text[])', 'api.mark_stray_objects(text[])'
]) as signature;
select throws_code(
  format('select api.link_attachment(the(''owner''), %L, ''post'', the(''post''))', key('unlinked')),
  'PT404', 'not_found', 'An upload that is forgotten is not linked'
);
select counters_hold();

select * from finish();
rollback;
