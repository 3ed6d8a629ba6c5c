-- Listing active bans. 04_policy/matrix.sql tests who may. Proves rules 04.3 and 20.16.
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
  'Bans that hold are listed, those that have run out are not'
);
select is(
  (select array_agg(user_id) from api.list_bans(the('admin'), the('club'), p_limit => 1)),
  array[the('early')], 'The oldest comes first'
);
select is(
  walk($$list_bans(the('admin'), the('club'))$$, direction, false),
  array(
    select id from api.list_bans(the('admin'), the('club'))
    order by
      case when direction = 'before' then created_at end desc,
      case when direction = 'before' then id end desc, created_at, id
  ),
  format('A walk %s meets every ban once', direction)
)
from unnest(array['before', 'after']) as direction;
select throws_code(
  format('select * from api.list_bans(the(%L), the(''club''), 0, ''x'')', actor), state, code,
  format('What is wrong with a request is not told to the %s', actor)
)
from (values ('anonymous', 'PT401', 'unauthenticated'), ('member', 'PT403', 'forbidden'))
  as actors (actor, state, code);
select throws_fields(
  $$ select * from api.list_bans(the('admin'), the('club'), 0) $$, array['limit'],
  'A page has 1 ban at least'
);
select throws_code(
  $$ select * from api.list_bans(the('admin'), the('club'), p_before => 'x') $$,
  'PT400', 'invalid_cursor', 'A page starts at a cursor'
);

select * from finish();
rollback;
