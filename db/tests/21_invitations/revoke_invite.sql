-- Revoking an invitation. Proves rules 21.6, 21.9 and 21.11.
begin;
select plan(16);

select make_group('club', 'secret');
select make_group('other', 'public', 'rob');
select make_cast('club');
select remember('invite', id), left(set_config('the.code', code, true), 0)
from api.create_invite(the('owner'), the('club'), p_role => 'moderator');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Revoking an invitation', $$select api.revoke_invite(the(%L), the('club'), the('invite'))$$,
  'anonymous unauthenticated, stranger not_found, banned not_found, member forbidden, '
  'moderator forbidden, admin ok, owner ok'
);
select throws_code(
  $$ select api.revoke_invite(the('rob'), the('other'), the('invite')) $$, 'PT404', 'not_found',
  'An invitation of another group is not found'
);
select lives_ok(
  $$ select api.revoke_invite(the('admin'), the('club'), the('invite')) $$,
  'An admin revokes an invitation'
);
select events_are(
  array['invite.revoked'], array['invite.revoked'], 'The change has one event and one audit entry'
);
select event_is(
  'invite.revoked', 'admin', 'club', null, 'invite', 'invite',
  'The event has the actor and the subject'
);
select is(event() -> 'data' ? 'code', false, 'The event leaves out the code');
select throws_code(
  $$ select api.accept_invite(the('stranger'), current_setting('the.code')) $$,
  'PT404', 'not_found', 'A revoked invitation is not found'
);
select throws_code(
  $$ select api.revoke_invite(the('admin'), the('club'), the('invite')) $$, 'PT404', 'not_found',
  'A revoked invitation cannot be revoked again'
);
select remember('crown', i.id)
from api.create_invite(the('owner'), the('club'), p_role => 'owner') as i;
select throws_code(
  $$ select api.revoke_invite(the('admin'), the('club'), the('crown')) $$, 'PT404', 'not_found',
  'An admin cannot revoke an invitation with a role that admins may not grant'
);
select counters_hold();

select * from finish();
rollback;
