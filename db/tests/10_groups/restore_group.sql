-- Restoring a group. 04_policy/matrix.sql tests the rights. Proves rules 10.3, 10.10 and 10.11.
begin;
select plan(10);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member', array[own('chess')]);
select make_comment('comment', 'post', 'member');
select from api.delete_group(the('owner'), the('club'));
select forget_events();
set local role communities_job;

select is(
  (select deleted_at from api.restore_group(the('owner'), the('club'))), null,
  'An owner restores a group'
);
select events_are(
  array['group.restored'], array['group.restored'], 'Restoring has one event and one audit entry'
);
select is(
  event() -> 'data',
  (select jsonb_set(to_jsonb(g), '{role}', 'null') from api.get_group(the('owner'), the('club')) as g),
  'The event has the group without viewer fields'
);
select is(
  (select body from api.get_post(the('member'), the('post'))), 'A post',
    'The content of a restored group is visible'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 1,
    'Posts of a restored group count in topic tags'
);
select forget_events();
select is(
  (select id from api.restore_group(the('owner'), the('club'))), the('club'),
  'Restoring a group that is not deleted changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');

select sudo($$ update group_entity set slug = own('club') where id = the('club') $$);
select from api.delete_group(the('owner'), the('club'));
select from api.create_group(the('stranger'), 'Usurper', 'public', own('club'));
select throws_code(
  $$ select api.restore_group(the('owner'), the('club')) $$, 'PT409', 'slug_taken',
  'A group whose slug is in use again cannot be restored'
);
select is(
  (select deleted_at from api.get_group(the('owner'), the('club'))), now(),
    'A group that cannot be restored stays deleted'
);
select counters_hold();

select * from finish();
rollback;
