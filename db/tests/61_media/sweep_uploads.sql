-- Sweeping expired uploads and orphaned objects. Proves rules 61.2, 61.11 and 61.12.
begin;
select plan(24);

select make_group('club', 'public');
select make_post('post', 'club');
select make_upload(name, 'owner')
from unnest(array['linked', 'unlinked', 'unlinked2', 'young', 'kept']) as name;
select left(set_config(
  'copy.spare', api.start_upload_copy(the('owner'), key('linked'), 'image/png', 1000), true
), 0);
select remember('linked', id)
from api.link_attachment(the('owner'), key('linked'), 'post', the('post'));
select remember('kept', id) from api.link_attachment(the('owner'), key('kept'), 'post', the('post'));

select is_empty('select * from api.find_orphaned_objects()', 'An object in use is not orphaned');
select is(
  (select due_at from public.orphaned_object where key = key('linked')), now() + interval '15 minutes',
  'The uploaded object of a linked upload is due when its URL has expired'
);
update public.presigned_upload set expires_at = now() - interval '2 minutes' where key <> key('young');
update public.orphaned_object set due_at = now() - interval '2 minutes';
set local role communities_job;
select is(api.sweep_uploads(1), 1, 'A call sweeps at most p_most uploads');
select is(api.sweep_uploads(), 3, 'The next call sweeps the rest of the expired uploads');
select is(api.sweep_uploads(), 0, 'A further call sweeps none');
select bag_eq(
  'select key from api.find_orphaned_objects() as key',
  $$
    select key(name) from unnest(array['linked', 'kept', 'unlinked', 'unlinked2']) as name
    union all
    select copy_key(name) from unnest(array['unlinked', 'unlinked2', 'spare']) as name
  $$,
  'All objects of an expired upload are orphaned, except for the linked copy'
);
select is(
  (select count(*) from api.find_orphaned_objects(2)), 2::bigint,
  'A call finds at most p_most objects'
);
select lives_ok(
  $$ select api.clear_orphaned_objects(array(select key from api.find_orphaned_objects())) $$,
  'Objects that were deleted from the bucket are cleared'
);
select is_empty('select * from api.find_orphaned_objects()', 'Cleared objects are not found again');

select from api.remove_attachment(the('owner'), the('linked'));
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array[copy_key('linked')],
  'Removing an attachment orphans its object'
);
select from api.clear_orphaned_objects(array[copy_key('linked')]);
select sudo($$ delete from post where id = the('post') $$);
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array[copy_key('kept')],
  'Deleting the row of a post orphans the objects of its attachments'
);
select from api.clear_orphaned_objects(array[copy_key('kept')]);

-- Objects that the store refuses to delete
select sudo($$ insert into orphaned_object (key) values ('refused'), ('other') $$);
select lives_ok(
  $$ select api.postpone_orphaned_objects(array['refused', 'none']) $$,
  'An object that the store refuses to delete is postponed'
);
select is(
  (select array_agg(key) from api.find_orphaned_objects() as key), array['other'],
  'A postponed object is not found'
);
select is(
  look($$ select due_at = now() + interval '1 hour' from orphaned_object where key = 'refused' $$), 'true',
  'A postponed object is due again in an hour'
);

-- Objects that no row refers to
select make_upload('waiting', 'owner');
select sudo($$
  insert into media_attachment (group_id, subject_type, subject_id, s3_key, mime, size_bytes, created_by)
  values (the('club'), 'group', the('club'), 'media/attached', 'image/png', 1, the('owner'))
$$);
select is(
  api.mark_orphaned_objects(
    array[key('waiting'), copy_key('waiting'), 'media/attached', 'uploads/a', 'uploads/b']
  ), 2,
  'An object that no upload, copy or attachment refers to is orphaned'
);
select bag_eq(
  'select key from api.find_orphaned_objects()', array['other', 'uploads/a', 'uploads/b'],
  'An orphaned object is due immediately'
);
select is(
  api.mark_orphaned_objects(array['uploads/a', 'refused']), 0,
  'An orphaned object is not marked again'
);
reset role;
select is(
  has_function_privilege('communities_service', signature, 'execute'), false,
  format('The service may not call %s', signature)
)
from unnest(array[
  'api.sweep_uploads(int)', 'api.find_orphaned_objects(int)', 'api.clear_orphaned_objects(text[])',
  'api.postpone_orphaned_objects(text[])', 'api.mark_orphaned_objects(text[])'
]) as signature;
select throws_code(
  format('select api.link_attachment(the(''owner''), %L, ''post'', the(''post''))', key('unlinked')),
  'PT404', 'not_found', 'A swept upload is not linked'
);
select counters_hold();

select * from finish();
rollback;
