-- Approving a request to join. Proves rules 21.1, 21.2 and 21.10.
begin;
select plan(24);

select make_group('club', 'private');
select make_cast('club');
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select forget_events();
set local role communities_job;

select is(
  outcome(format('select api.approve_join_request(the(%L), the(''club''), the(''ada''))', actor)),
  result, format('%s approves a request: %s', actor, result)
)
from (values
  ('anonymous', 'unauthenticated'), ('stranger', 'forbidden'), ('ada', 'forbidden'),
  ('banned', 'banned'), ('member', 'forbidden'), ('moderator', 'forbidden'), ('admin', 'ok'),
  ('owner', 'ok')
) as actors (actor, result);
select is(
  (
    select to_jsonb(m) - 'id' - 'created_at'
    from api.approve_join_request(the('admin'), the('club'), the('ada')) as m
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', the('ada'), 'role', 'member', 'joined_at', now(),
    'muted_until', null, 'is_banned', false, 'ban_reason', null, 'banned_until', null
  ),
  'Who asked becomes a plain member'
);
select events_are(
  array['join_request.approved', 'member.joined'], array['join_request.approved', 'member.joined'],
  'Approving is an event of the request and one of the member, both audited'
);
select is(event() ->> 'actor_id', the('admin')::text, 'The event tells who approved');
select is(event() #>> '{data,user_id}', the('ada')::text, 'And who came in');
select is((select members_count from api.get_group(null, the('club'))), 6, 'The group has one member more');
select is_empty(
  $$ select * from api.list_join_requests(the('admin'), the('club')) $$, 'No request is pending'
);
select is(
  look($$ select status || ' ' || decided_by from join_request $$), 'approved ' || the('admin'),
  'Who decided is kept'
);
select throws_code(
  format('select api.approve_join_request(the(''admin''), the(''club''), %s)', who),
  'PT404', 'not_found', format('There is nothing to approve of %s', who)
)
from unnest(array[$$the('ada')$$, $$the('stranger')$$, $$the('member')$$, 'null']) as who;

-- A ban that comes in between
select make_user('bob');
select from api.join_group(the('bob'), the('club'));
select from api.ban_member(the('admin'), the('club'), the('bob'));
select throws_code(
  $$ select api.approve_join_request(the('admin'), the('club'), the('bob')) $$, 'PT404', 'not_found',
  'A request of somebody who was banned meanwhile is not there any more'
);
select from api.unban_member(the('admin'), the('club'), the('bob'));
select is(
  (select status from api.join_group(the('bob'), the('club'))), 202, 'After the ban they may ask again'
);
select lives_ok(
  $$ select api.approve_join_request(the('owner'), the('club'), the('bob')) $$, 'And be let in'
);
select throws_code(
  $$ select api.approve_join_request(the('admin'), gen_random_uuid(), the('bob')) $$,
  'PT404', 'not_found', 'A group that is not there has no requests'
);
select counters_hold();

select * from finish();
rollback;
