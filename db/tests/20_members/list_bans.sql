-- Listing active bans. 04_policy/matrix.sql tests the rights. Proves rules 04.3 and 20.16.
begin;
select plan(8);

select make_group('club', 'public');
select make_cast('club');
select make_banned('later', 'club', '1 day');
select make_banned('expired', 'club', '-1 second');
select make_banned('early', 'club');
select sudo($$
  update group_member set created_at = now() - interval '1 day' where user_id = the('early')
$$);
set local role communities_job;

select bag_eq(
  $$ select user_id, ban_reason from api.list_bans(the('admin'), the('club')) $$,
  $$ values (the('banned'), 'spam'), (the('later'), 'spam'), (the('early'), 'spam') $$,
  'Active bans are listed, expired ones are not'
);
select is(
  (select array_agg(user_id) from api.list_bans(the('admin'), the('club'), p_limit => 1)),
  array[the('early')], 'The oldest row is the first'
);
select walks_are_complete($$list_bans(the('admin'), the('club'))$$, false, 'every ban');
select throws_code(
  format('select * from api.list_bans(the(%L), the(''club''), 0, ''x'')', actor), state, code,
  format('The %s learns nothing about an invalid argument', actor)
)
from (values ('anonymous', 'PT401', 'unauthenticated'), ('member', 'PT403', 'forbidden'))
  as actors (actor, state, code);
select throws_fields(
  $$ select * from api.list_bans(the('admin'), the('club'), 0) $$, array['limit'],
  'A limit of 0 is refused'
);
select throws_code(
  $$ select * from api.list_bans(the('admin'), the('club'), p_before => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);

select * from finish();
rollback;
