-- Listing the members of a group. 04_policy/matrix.sql tests the rights. Proves rules 02.13 and
-- 20.15.
begin;
select plan(18);

select make_group('club', 'private');
select make_cast('club');
select make_member('early', 'club');
select make_member('gone', 'club');
select sudo($$
  update group_member set created_at = now() - interval '1 day' where user_id = the('early')
$$);
select from api.leave_group(the('gone'), the('club'));
set local role communities_job;

select is(
  (select array_agg(user_id) from api.list_members(the('member'), the('club'), p_limit => 1)),
  array[the('early')], 'The oldest member is the first'
);
select bag_eq(
  $$ select user_id, role from api.list_members(the('member'), the('club')) $$,
  $$
    values
      (the('early'), 'member'), (the('owner'), 'owner'), (the('admin'), 'admin'),
      (the('moderator'), 'moderator'), (the('member'), 'member'), (the('muted'), 'member')
  $$,
  'Former members and banned users are not listed'
);
select is(
  (select array_agg(id) from api.list_members(the('member'), the('club'))),
  array(select id from api.list_members(the('member'), the('club')) order by created_at, id),
  'Members of the same time are ordered by id'
);
select is(
  (select count(*) from api.list_members(the('member'), the('club'), role)), number,
  format('The filter %s selects its members', role)
)
from (values
  ('owner', 1::bigint), ('admin', 1), ('moderator', 1), ('member', 3), (null, 6)
) as roles (role, number);
select walks_are_complete(list, false, description)
from (values
  ($$list_members(the('member'), the('club'))$$, 'every member'),
  ($$list_members(the('member'), the('club'), 'member')$$, 'every member of a role')
) as lists (list, description);
select throws_fields(
  $$ select * from api.list_members(the('member'), the('club'), 'king') $$, array['role'],
  'An unknown role is refused'
);
select throws_fields(
  $$ select * from api.list_members(the('member'), the('club'), p_limit => 101) $$, array['limit'],
  'A limit of 101 is refused'
);
select throws_code(
  $$ select * from api.list_members(the('member'), the('club'), p_after => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);
select throws_code(
  format($$ select * from api.list_members(the(%L), the('club'), 'king', 0, 'x') $$, actor),
  state, code,
  format('The %s learns nothing about an invalid argument', actor)
)
from (values ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'))
  as actors (actor, state, code);
select counters_hold();

select * from finish();
rollback;
