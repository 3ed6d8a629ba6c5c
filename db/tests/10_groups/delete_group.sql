-- Deleting a group. 04_policy/matrix.sql tests who may. Proves rules 05.4, 10.10 and 10.11.
begin;
select plan(18);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member', array[own('chess')]);
select make_comment('comment', 'post', 'member');
select forget_events();
set local role communities_job;

select lives_ok($$ select api.delete_group(the('owner'), the('club')) $$, 'An owner deletes a group');
select events_are(array['group.deleted'], array['group.deleted'], 'Deleting is one event, audited');
select event_is('group.deleted', 'owner', 'club', null, 'group', 'club', 'The event tells who and what');
select is(
  event() -> 'data', jsonb_build_object('id', the('club'), 'deleted_at', now()),
  'The event tells when, and no content'
);
select is(audited() #>> '{before,name}', 'Group club', 'The audit log holds what was before');
select throws_code(
  format('select * from api.%s', call), 'PT404', 'not_found',
  format('To a member a deleted group is gone, by %s', split_part(call, '(', 1))
)
from unnest(array[
  $$get_group(the('member'), the('club'))$$, $$list_posts(the('member'), the('club'))$$,
  $$get_post(the('member'), the('post'))$$, $$get_comment(the('member'), the('comment'))$$,
  $$create_post(the('member'), the('club'), 'New')$$, $$leave_group(the('member'), the('club'))$$
]) as call;
select is_empty(
  $$ select id from api.list_groups(the('owner'), p_mine => true) where id = the('club') $$,
  'No list shows a deleted group, not even its owner''s'
);
select is(
  (select deleted_at from api.get_group(the('moderator'), the('club'))), now(),
  'A moderator sees that it is deleted'
);
select is(
  (select body from api.get_post(the('moderator'), the('post'))), 'A post', 'And what is inside'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0,
  'Its posts do not count in topic tags'
);

select forget_events();
select lives_ok(
  $$ select api.delete_group(the('owner'), the('club')) $$, 'Deleting it again changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');
select counters_hold();

select * from finish();
rollback;
