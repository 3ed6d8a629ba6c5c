-- Leaving a group. 04_policy/matrix.sql tests who may. Proves rules 20.6, 20.7 and 20.19.
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
select events_are(array['member.left'], array['member.left'], 'Leaving is one event, audited');
select event_is('member.left', 'member', 'club', null, 'member', 'membership', 'The event tells who left');
select is(event() #>> '{data,user_id}', the('member')::text, 'And holds whom it was');
select is(
  (select members_count from api.get_group(null, the('club'))), 4, 'Who has left counts no more'
);
select throws_code(
  $$ select api.get_member(the('owner'), the('club'), the('member')) $$, 'PT404', 'not_found',
  'Who has left is no member'
);
select throws_code(
  $$ select api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'Who has left a private group does not see it any more, own posts included'
);
select throws_code(
  $$ select api.leave_group(the('member'), the('club')) $$, 'PT403', 'forbidden',
  'Nobody leaves twice'
);
select is(
  (select body from api.get_post(the('owner'), the('post'))), 'A post', 'Posts of who left stay'
);
select lives_ok(
  format('select api.leave_group(the(%L), the(''club''))', role), format('A %s leaves', role)
)
from unnest(array['muted', 'moderator', 'admin']) as role;

-- A group keeps at least one owner.
select throws_code(
  $$ select api.leave_group(the('owner'), the('club')) $$, 'PT409', 'last_owner',
  'The last owner does not leave'
);
select make_member('heir', 'club', 'owner');
select lives_ok(
  $$ select api.leave_group(the('owner'), the('club')) $$, 'An owner leaves when another stays'
);
select throws_code(
  $$ select api.leave_group(the('heir'), the('club')) $$, 'PT409', 'last_owner',
  'But not the one who stays'
);
select make_member('successor', 'club', 'admin');
select throws_code(
  $$ select api.leave_group(the('heir'), the('club')) $$, 'PT409', 'last_owner',
  'An admin who stays is no owner'
);
select is(
  look($$ select role from group_member where user_id = the('owner') $$), 'member',
  'Who has left has no rank to come back with'
);
select counters_hold();

select * from finish();
rollback;
