-- Leaving a group. 04_policy/matrix.sql tests the rights. Proves rules 20.6, 20.7 and 20.19.
begin;
select plan(18);

select make_group('club', 'private');
select make_cast('club');
select make_post('post', 'club', 'member');
select forget_events();
select remember('membership', look($$
  select id from group_member where user_id = the('member')
$$)::uuid);
set local role communities_job;

select lives_ok($$ select api.leave_group(the('member'), the('club')) $$, 'A member leaves');
select events_are(
  array['member.left'], array['member.left'], 'Leaving has one event and one audit entry'
);
select event_is(
  'member.left', 'member', 'club', null, 'member', 'membership',
  'The event has the former member as its actor'
);
select is(event() #>> '{data,user_id}', the('member')::text, 'The event has the former member');
select is(
  (select members_count from api.get_group(null, the('club'))), 4, 'A former member does not count'
);
select throws_code(
  $$ select api.get_member(the('owner'), the('club'), the('member')) $$, 'PT404', 'not_found',
  'A former member is not found'
);
select throws_code(
  $$ select api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'A former member of a private group does not see their own posts'
);
select throws_code(
  $$ select api.leave_group(the('member'), the('club')) $$, 'PT403', 'forbidden',
  'A former member cannot leave again'
);
select is(
  (select body from api.get_post(the('owner'), the('post'))), 'A post',
    'Posts of a former member stay'
);
select lives_ok(
  format('select api.leave_group(the(%L), the(''club''))', role), format('A %s leaves', role)
)
from unnest(array['muted', 'moderator', 'admin']) as role;

-- A group keeps at least one owner.
select throws_code(
  $$ select api.leave_group(the('owner'), the('club')) $$, 'PT409', 'last_owner',
  'The last owner cannot leave'
);
select make_member('heir', 'club', 'owner');
select lives_ok(
  $$ select api.leave_group(the('owner'), the('club')) $$, 'An owner leaves if another owner stays'
);
select throws_code(
  $$ select api.leave_group(the('heir'), the('club')) $$, 'PT409', 'last_owner',
  'The remaining owner cannot leave'
);
select make_member('successor', 'club', 'admin');
select throws_code(
  $$ select api.leave_group(the('heir'), the('club')) $$, 'PT409', 'last_owner',
  'An admin does not replace the last owner'
);
select is(
  look($$ select role from group_member where user_id = the('owner') $$), 'member',
  'A former owner has the role of a member'
);
select counters_hold();

select * from finish();
rollback;
