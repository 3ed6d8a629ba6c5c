-- Lifting a mute. Proves rules 20.8, 20.14, 20.21 and 20.22.
begin;
select plan(16);

select make_group('club', 'public');
select make_cast('club');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Lifting a mute', $$select api.unmute_member(the(%L), the('club'), the('muted'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, '
  'muted forbidden, moderator ok, admin ok, owner ok'
);
select from api.leave_group(the('muted'), the('club'));
select forget_events();
select is(
  (select muted_until from api.unmute_member(the('moderator'), the('club'), the('muted'))), null,
  'The mute of a former member is lifted'
);
select events_are(
  array['member.unmuted'], array['member.unmuted'], 'Lifting has one event and one audit entry'
);
select from api.join_group(the('muted'), the('club'));
select lives_ok(
  $$ select api.create_post(the('muted'), the('club'), 'Here I am again') $$,
  'A member without a mute writes'
);
select forget_events();
select is(
  (select muted_until from api.unmute_member(the('moderator'), the('club'), the('muted'))), null,
  'Lifting a missing mute changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select is(
  outcome($$ select api.unmute_member(the('moderator'), the('club'), the('admin')) $$), 'forbidden',
  'A member of a higher rank is refused'
);
select throws_code(
  $$ select api.unmute_member(the('admin'), the('club'), the('stranger')) $$, 'PT404', 'not_found',
  'A user without a record is not found'
);
select counters_hold();

select * from finish();
rollback;
