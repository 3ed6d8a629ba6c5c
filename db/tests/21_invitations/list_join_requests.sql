-- Listing the pending requests to join. Proves rules 04.16 and 21.1.
begin;
select plan(18);

select make_group('club', 'private');
select make_cast('club');
select make_user(name) from unnest(array['ada', 'bob', 'cyd', 'denied', 'approved']) as name;
select from unnest(array['ada', 'bob', 'cyd', 'denied', 'approved']) as name
cross join lateral api.join_group(the(name), the('club'));
select from api.deny_join_request(the('owner'), the('club'), the('denied'));
select from api.approve_join_request(the('owner'), the('club'), the('approved'));
select sudo($$ update join_request set created_at = now() - interval '1 day' where user_id = the('cyd') $$);
set local role communities_job;

select is(
  outcome(format('select * from api.list_join_requests(the(%L), the(''club''))', actor)),
  result, format('%s sees the requests: %s', actor, result)
)
from (values
  ('anonymous', 'unauthenticated'), ('stranger', 'forbidden'), ('ada', 'forbidden'),
  ('banned', 'banned'), ('muted', 'forbidden'), ('member', 'forbidden'), ('moderator', 'forbidden'),
  ('admin', 'ok'), ('owner', 'ok')
) as actors (actor, result);
select bag_eq(
  $$ select user_id, status, group_id from api.list_join_requests(the('admin'), the('club')) $$,
  $$
    values
      (the('ada'), 'pending', the('club')), (the('bob'), 'pending', the('club')),
      (the('cyd'), 'pending', the('club'))
  $$,
  'Only what is pending is listed'
);
select is(
  (select array_agg(user_id) from api.list_join_requests(the('admin'), the('club'), 1)),
  array[the('cyd')], 'The oldest comes first'
);
select is(
  walk($$list_join_requests(the('admin'), the('club'))$$, direction, false),
  array(
    select id from api.list_join_requests(the('admin'), the('club'))
    order by
      case when direction = 'before' then created_at end desc,
      case when direction = 'before' then id end desc, created_at, id
  ),
  format('A walk %s meets every request once', direction)
)
from unnest(array['before', 'after']) as direction;
select throws_fields(
  $$ select * from api.list_join_requests(the('admin'), the('club'), 101) $$, array['limit'],
  'A page has 100 requests at most'
);
select throws_code(
  $$ select * from api.list_join_requests(the('admin'), the('club'), p_after => 'x') $$,
  'PT400', 'invalid_cursor', 'A page starts at a cursor'
);
select throws_code(
  $$ select * from api.list_join_requests(the('member'), the('club'), 0, 'x', 'y') $$,
  'PT403', 'forbidden', 'What is wrong with a request is not told to a member'
);
select throws_code(
  $$ select * from api.list_join_requests(the('admin'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A group that is not there has no requests'
);
select counters_hold();

select * from finish();
rollback;
