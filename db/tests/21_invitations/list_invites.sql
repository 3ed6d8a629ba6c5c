-- Listing the invitations of a group. Proves rules 21.4 and 21.9.
begin;
select plan(19);

select make_group('club', 'secret');
select make_cast('club');
select remember(name, i.id)
from unnest(array['one', 'two', 'three']) with ordinality as n (name, nr)
cross join lateral api.create_invite(the('owner'), the('club'), p_max_uses => nr::int) as i;
select backdate('group_invite', 'three', '1 day');
set local role communities_job;

select outcomes_are(
  'Listing invitations', $$select * from api.list_invites(the(%L), the('club'))$$,
  'anonymous unauthenticated, stranger not_found, banned not_found, muted forbidden, '
  'member forbidden, moderator forbidden, admin ok, owner ok'
);
select bag_eq(
  $$ select id from api.list_invites(the('admin'), the('club')) $$,
  $$ select the(name) from unnest(array['one', 'two', 'three']) as name $$,
  'All invitations of the group are listed'
);
select is(
  (select array_agg(id) from api.list_invites(the('admin'), the('club'), 1)), array[the('three')],
  'The oldest row is the first'
);
select is(
  (select char_length(code) from api.list_invites(the('admin'), the('club'), 1)), 24,
  'An admin sees the code'
);
select walks_are_complete($$list_invites(the('admin'), the('club'))$$, false, 'every invitation');
select throws_fields(
  $$ select * from api.list_invites(the('admin'), the('club'), 0) $$, array['limit'],
  'A limit of 0 is refused'
);
select throws_code(
  $$ select * from api.list_invites(the('admin'), the('club'), p_after => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);
select from api.revoke_invite(the('admin'), the('club'), the('one'));
select is_empty(
  $$ select id from api.list_invites(the('admin'), the('club')) where id = the('one') $$,
  'A revoked invitation is not listed'
);
-- A code above an admin's rank stays hidden: the admin could leave and return with it.
select remember('crown', i.id)
from api.create_invite(the('owner'), the('club'), p_role => 'owner') as i;
select is_empty(
  $$ select id from api.list_invites(the('admin'), the('club')) where id = the('crown') $$,
  'An admin does not see an invitation with a role that admins may not grant'
);
select isnt_empty(
  $$ select id from api.list_invites(the('owner'), the('club')) where id = the('crown') $$,
  'An owner sees an invitation with every role'
);
select counters_hold();

select * from finish();
rollback;
