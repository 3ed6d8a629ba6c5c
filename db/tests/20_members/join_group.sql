-- Joining a group. 04_policy/matrix.sql tests the rights.
-- Proves rules 04.3, 20.1, 20.2, 20.3, 20.4, 20.5, 20.14, 20.19 and 21.10.
begin;
select plan(27);

select make_group('open', 'public');
select make_group('closed', 'private');
select make_group('hidden', 'secret');
select make_cast('open');
select make_user('ada');
select forget_events();
set local role communities_job;

create function pg_temp.join_group(p_actor text, p_group text) returns jsonb language sql as $$
  select jsonb_build_object('status', status) || body::jsonb
  from api.join_group(the(p_actor), the(p_group))
$$;

select is(
  pg_temp.join_group('ada', 'open') - 'id',
  jsonb_build_object(
    'status', 201, 'group_id', the('open'), 'user_id', the('ada'), 'role', 'member',
    'joined_at', now(), 'muted_until', null, 'is_banned', false, 'ban_reason', null,
    'banned_until', null, 'created_at', now()
  ),
  'A user who joins a public group becomes a member'
);
select events_are(
  array['member.joined'], array['member.joined'], 'Joining has one event and one audit entry'
);
select remember('membership', id) from api.get_member(null, the('open'), the('ada'));
select event_is(
  'member.joined', 'ada', 'open', null, 'member', 'membership',
  'The event has the new member as its actor'
);
select is(
  event() -> 'data', (select to_jsonb(m) from api.get_member(null, the('open'), the('ada')) as m),
  'The event has the member'
);
select is(
  (select members_count from api.get_group(null, the('open'))), 6, 'A member counts in the group'
);
select throws_code(
  $$ select api.join_group(the('ada'), the('open')) $$, 'PT409', 'already_member',
  'A member cannot join again'
);

select forget_events();
select is(
  pg_temp.join_group('ada', 'closed') - 'id',
  jsonb_build_object(
    'group_id', the('closed'), 'user_id', the('ada'), 'status', 'pending', 'created_at', now()
  ),
  'A user who joins a private group receives a pending request'
);
select is(
  (select status from api.join_group(the('ada'), the('closed'))), 202,
  'The answer is a request to join'
);
select is(
  (select body ->> 'id' from api.join_group(the('ada'), the('closed'))),
  (select id::text from api.list_join_requests(the('owner'), the('closed'))),
  'A repeated request returns the pending one'
);
select events_are(
  array['join_request.created'], array['join_request.created'], 'A repeated request has no event'
);
select is(
  (select members_count from api.get_group(null, the('closed'))), 1,
    'A request does not make a member'
);
select throws_code(
  $$ select api.list_posts(the('ada'), the('closed')) $$, 'PT403', 'forbidden',
  'A request does not show the content'
);
select from api.deny_join_request(the('owner'), the('closed'), the('ada'));
select is(
  (select status from api.join_group(the('ada'), the('closed'))), 202,
  'A denied user may request again'
);
select throws_code(
  $$ select api.join_group(the('ada'), the('hidden')) $$, 'PT404', 'not_found',
  'A secret group is not found without an invitation'
);

-- Bans and mutes outlive leaving.
select throws_code(
  $$ select api.join_group(the('banned'), the('open')) $$, 'PT403', 'banned',
  'A banned user cannot join'
);
select make_banned('penitent', 'open', '-1 second');
select is(
  pg_temp.join_group('penitent', 'open') - 'id' - 'created_at' - 'joined_at',
  jsonb_build_object(
    'status', 201, 'group_id', the('open'), 'user_id', the('penitent'), 'role', 'member',
    'muted_until', null, 'is_banned', false, 'ban_reason', null, 'banned_until', null
  ),
  'A user with an expired ban may join'
);
select is_empty(
  $$ select user_id from api.list_bans(the('owner'), the('open')) where user_id = the('penitent') $$,
  'Joining clears an expired ban'
);
select make_banned('later', 'open', '1 day');
select throws_code(
  $$ select api.join_group(the('later'), the('open')) $$, 'PT403', 'banned',
  'A user with an active ban cannot join'
);
select from api.leave_group(the('muted'), the('open'));
select from api.join_group(the('muted'), the('open'));
select throws_code(
  $$ select api.create_post(the('muted'), the('open'), 'Here I am again') $$, 'PT403', 'muted',
  'A mute outlives leaving and joining'
);
select from api.leave_group(the('moderator'), the('open'));
select is(
  pg_temp.join_group('moderator', 'open') ->> 'role', 'member',
  'A moderator who joins again has the role of a member'
);
select is(
  (select count(*) from api.list_members(null, the('open')) where user_id = the('moderator')),
  1::bigint, 'A user who joins again has one record'
);
select is(
  (select joined_at from api.get_member(null, the('open'), the('moderator'))), now(),
  'Joining again sets joined_at'
);

-- Every way to become a member settles a request.
select make_user('bob');
select from api.join_group(the('bob'), the('closed'));
select from api.update_group(the('owner'), the('closed'), '{"visibility": "public"}');
select is(
  (select status from api.join_group(the('bob'), the('closed'))), 201,
  'A user with a pending request joins a group that became public'
);
select is_empty(
  $$
    select user_id from api.list_join_requests(the('owner'), the('closed'))
    where user_id = the('bob')
  $$,
  'Joining approves the pending request'
);
select throws_code(
  $$ select api.join_group(the('ada'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing group is not found'
);
select from api.delete_group(the('owner'), the('open'));
select throws_code(
  $$ select api.join_group(the('stranger'), the('open')) $$, 'PT404', 'not_found',
  'A deleted group is not found'
);
select counters_hold();

select * from finish();
rollback;
