-- Reading one member. 04_policy/matrix.sql tests the rights. Proves rule 20.15.
begin;
select plan(7);

select make_group('club', 'public');
select make_cast('club');
set local role communities_job;

select is(
  (select role from api.get_member(null, the('club'), the('admin'))), 'admin', 'A member has a role'
);
select is(
  (select muted_until from api.get_member(null, the('club'), the('muted'))), now() + interval '1 day',
  'A muted member has the end of the mute'
);
select throws_code(
  format('select * from api.get_member(the(''owner''), the(''club''), the(%L))', name),
  'PT404', 'not_found', format('The %s is not found as a member', name)
)
from unnest(array['stranger', 'banned']) as name;
select from api.leave_group(the('member'), the('club'));
select throws_code(
  $$ select * from api.get_member(the('owner'), the('club'), the('member')) $$,
  'PT404', 'not_found', 'A former member is not found'
);
select throws_code(
  $$ select * from api.get_member(the('owner'), the('club'), null) $$, 'PT404', 'not_found',
  'A null user is not found'
);
select throws_code(
  $$ select * from api.get_member(the('owner'), gen_random_uuid(), the('owner')) $$,
  'PT404', 'not_found', 'A missing group is not found'
);

select * from finish();
rollback;
