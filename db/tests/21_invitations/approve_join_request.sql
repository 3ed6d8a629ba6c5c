-- Approving a request to join. Proves rules 21.1, 21.2 and 21.10.
begin;
select plan(24);

select make_group('club', 'private');
select make_cast('club');
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select forget_events();
set local role communities_job;

select outcomes_are(
  'Approving a request', $$select api.approve_join_request(the(%L), the('club'), the('ada'))$$,
  'anonymous unauthenticated, stranger forbidden, ada forbidden, banned banned, '
  'member forbidden, moderator forbidden, admin ok, owner ok'
);
select is(
  (
    select to_jsonb(m) - 'id' - 'created_at'
    from api.approve_join_request(the('admin'), the('club'), the('ada')) as m
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', the('ada'), 'role', 'member', 'joined_at', now(),
    'muted_until', null, 'is_banned', false, 'ban_reason', null, 'banned_until', null
  ),
  'The user becomes a member with the role of a member'
);
select events_are(
  array['join_request.approved', 'member.joined'], array['join_request.approved', 'member.joined'],
  'The request and the member have one event and one audit entry each'
);
select is(event() ->> 'actor_id', the('admin')::text, 'The event has the actor');
select is(event() #>> '{data,user_id}', the('ada')::text, 'The event has the new member');
select is(
  (select members_count from api.get_group(null, the('club'))), 6,
  'The new member counts in the group'
);
select is_empty(
  $$ select * from api.list_join_requests(the('admin'), the('club')) $$,
  'The request is no longer pending'
);
select is(
  look($$ select status || ' ' || decided_by from join_request $$), 'approved ' || the('admin'),
  'The request has the actor of the decision'
);
select throws_code(
  format('select api.approve_join_request(the(''admin''), the(''club''), %s)', who),
  'PT404', 'not_found', format('A missing request of %s is not found', who)
)
from unnest(array[$$the('ada')$$, $$the('stranger')$$, $$the('member')$$, 'null']) as who;

-- A ban between request and approval
select make_user('bob');
select from api.join_group(the('bob'), the('club'));
select from api.ban_member(the('admin'), the('club'), the('bob'));
select throws_code(
  $$ select api.approve_join_request(the('admin'), the('club'), the('bob')) $$,
  'PT404', 'not_found', 'The request of a user banned after it is not found'
);
select from api.unban_member(the('admin'), the('club'), the('bob'));
select is(
  (select status from api.join_group(the('bob'), the('club'))), 202,
    'The user may request again after the ban'
);
select lives_ok(
  $$ select api.approve_join_request(the('owner'), the('club'), the('bob')) $$,
  'The repeated request is approved'
);
select throws_code(
  $$ select api.approve_join_request(the('admin'), gen_random_uuid(), the('bob')) $$,
  'PT404', 'not_found', 'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
