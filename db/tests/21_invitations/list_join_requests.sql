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
select sudo(
  $$ update join_request set created_at = now() - interval '1 day' where user_id = the('cyd') $$
);
set local role communities_job;

select outcomes_are(
  'Listing requests', $$select * from api.list_join_requests(the(%L), the('club'))$$,
  'anonymous unauthenticated, stranger forbidden, ada forbidden, banned banned, muted forbidden, '
  'member forbidden, moderator forbidden, admin ok, owner ok'
);
select bag_eq(
  $$ select user_id, status, group_id from api.list_join_requests(the('admin'), the('club')) $$,
  $$
    values
      (the('ada'), 'pending', the('club')), (the('bob'), 'pending', the('club')),
      (the('cyd'), 'pending', the('club'))
  $$,
  'Only pending requests are listed'
);
select is(
  (select array_agg(user_id) from api.list_join_requests(the('admin'), the('club'), 1)),
  array[the('cyd')], 'The oldest row is the first'
);
select walks_are_complete(
  $$list_join_requests(the('admin'), the('club'))$$, false, 'every request'
);
select throws_fields(
  $$ select * from api.list_join_requests(the('admin'), the('club'), 101) $$, array['limit'],
  'A limit of 101 is refused'
);
select throws_code(
  $$ select * from api.list_join_requests(the('admin'), the('club'), p_after => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);
select throws_code(
  $$ select * from api.list_join_requests(the('member'), the('club'), 0, 'x', 'y') $$,
  'PT403', 'forbidden', 'A member learns nothing about an invalid argument'
);
select throws_code(
  $$ select * from api.list_join_requests(the('admin'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
