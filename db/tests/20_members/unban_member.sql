-- Lifting a ban. Proves rules 20.8, 20.13, 20.21 and 20.22.
begin;
select plan(19);

select make_group('club', 'public');
select make_cast('club');
select make_banned('expired', 'club', '-1 second');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Lifting a ban', $$select api.unban_member(the(%L), the('club'), the('banned'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, '
  'moderator forbidden, admin ok, owner ok'
);
select is(
  (
    select jsonb_build_object('is_banned', is_banned, 'reason', ban_reason, 'until', banned_until)
    from api.unban_member(the('admin'), the('club'), the('banned'))
  ),
  '{"is_banned": false, "reason": null, "until": null}', 'A ban is lifted'
);
select events_are(
  array['member.unbanned'], array['member.unbanned'], 'Lifting has one event and one audit entry'
);
select is(event() #>> '{data,user_id}', the('banned')::text, 'The event has the user');
select is(audited() #>> '{before,ban_reason}', 'spam', 'The audit entry has the ban');
select throws_code(
  $$ select api.get_member(the('owner'), the('club'), the('banned')) $$, 'PT404', 'not_found',
  'Lifting a ban does not make a member'
);
select throws_code(
  $$ select api.create_post(the('banned'), the('club'), 'x') $$, 'PT403', 'forbidden',
  'A user without a ban cannot write as a non-member'
);
select is(
  (select status from api.join_group(the('banned'), the('club'))), 201,
    'A user without a ban may join'
);
select forget_events();
select is(
  (select is_banned from api.unban_member(the('admin'), the('club'), the('banned'))), false,
  'Lifting a missing ban changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select throws_code(
  $$ select api.unban_member(the('admin'), the('club'), the('stranger')) $$, 'PT404', 'not_found',
  'A user without a record is not found'
);
select is(
  outcome($$ select api.unban_member(the('admin'), the('club'), the('owner')) $$), 'forbidden',
  'A member of a higher rank is refused'
);
select counters_hold();

select * from finish();
rollback;
