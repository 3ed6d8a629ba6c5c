-- Removing a member. Proves rules 20.7, 20.8 and 20.11.
begin;
select plan(49);

select make_group('club', 'public');
select make_cast('club');
select make_member('admin2', 'club', 'admin');
select make_member('owner2', 'club', 'owner');
select make_member('member2', 'club');
select forget_events();
set local role communities_job;

-- The moderator may remove themselves.
select outcomes_are(
  'Removing %s', $$select api.remove_member(the(%L), the('club'), the(%L))$$,
  'anonymous unauthenticated, stranger forbidden, member forbidden,
    moderator forbidden forbidden forbidden ok forbidden forbidden,
    admin not_found not_found ok ok forbidden forbidden,
    owner not_found not_found ok ok ok ok',
  'stranger', 'banned', 'member2', 'moderator', 'admin2', 'owner2'
);

select lives_ok(
  $$ select api.remove_member(the('admin'), the('club'), the('member')) $$,
  'An admin removes a member'
);
select events_are(
  array['member.left'], array['member.left'], 'Removing has one event and one audit entry'
);
select is(event() ->> 'actor_id', the('admin')::text, 'The event has the actor');
select is(event() #>> '{data,user_id}', the('member')::text, 'The event has the removed member');
select is(audited() #>> '{before,role}', 'member', 'The audit entry has the role before');
select is(
  (select members_count from api.get_group(null, the('club'))), 7, 'A removed member does not count'
);
select is(
  (select status from api.join_group(the('member'), the('club'))), 201,
  'A removed member may join again'
);
select lives_ok(
  $$ select api.remove_member(the('muted'), the('club'), the('muted')) $$,
  'A member removes themselves'
);
select is(
  outcome($$ select api.remove_member(the('banned'), the('club'), the('member2')) $$), 'banned',
  'A banned user cannot remove a member'
);
select lives_ok(
  $$ select api.remove_member(the('owner2'), the('club'), the('owner')) $$,
  'An owner removes another owner'
);
select throws_code(
  $$ select api.remove_member(the('owner2'), the('club'), the('owner2')) $$, 'PT409', 'last_owner',
  'The last owner cannot remove themselves'
);
select throws_code(
  $$ select api.remove_member(the('owner2'), gen_random_uuid(), the('member')) $$,
  'PT404', 'not_found', 'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
