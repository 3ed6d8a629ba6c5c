-- Deleting a group. 04_policy/matrix.sql tests the rights. Proves rules 05.4, 10.10 and 10.11.
begin;
select plan(18);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member', array[own('chess')]);
select make_comment('comment', 'post', 'member');
select forget_events();
set local role communities_job;

select lives_ok(
  $$ select api.delete_group(the('owner'), the('club')) $$, 'An owner deletes a group'
);
select events_are(
  array['group.deleted'], array['group.deleted'], 'Deleting has one event and one audit entry'
);
select event_is(
  'group.deleted', 'owner', 'club', null, 'group', 'club', 'The event has the actor and the subject'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('club'), 'deleted_at', now()),
  'The event has the time of deletion and no content'
);
select is(audited() #>> '{before,name}', 'Group club', 'The audit entry has the state before');
select throws_code(
  format('select * from api.%s', call), 'PT404', 'not_found',
  format('A member does not find a deleted group by %s', split_part(call, '(', 1))
)
from unnest(array[
  $$get_group(the('member'), the('club'))$$, $$list_posts(the('member'), the('club'))$$,
  $$get_post(the('member'), the('post'))$$, $$get_comment(the('member'), the('comment'))$$,
  $$create_post(the('member'), the('club'), 'New')$$, $$leave_group(the('member'), the('club'))$$
]) as call;
select is_empty(
  $$ select id from api.list_groups(the('owner'), p_mine => true) where id = the('club') $$,
  'No list contains a deleted group, not even for its owner'
);
select is(
  (select deleted_at from api.get_group(the('moderator'), the('club'))), now(),
  'A moderator sees when it was deleted'
);
select is(
  (select body from api.get_post(the('moderator'), the('post'))), 'A post',
    'A moderator sees the content of a deleted group'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0,
  'Posts of a deleted group do not count in topic tags'
);

select forget_events();
select lives_ok(
  $$ select api.delete_group(the('owner'), the('club')) $$,
  'Deleting a deleted group changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select counters_hold();

select * from finish();
rollback;
