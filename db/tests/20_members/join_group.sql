-- Joining a group. 04_policy/matrix.sql tests who may.
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
  'Whoever joins a public group is a member at once'
);
select events_are(array['member.joined'], array['member.joined'], 'Joining is one event, audited');
select remember('membership', id) from api.get_member(null, the('open'), the('ada'));
select event_is(
  'member.joined', 'ada', 'open', null, 'member', 'membership', 'The event tells who joined'
);
select is(
  event() -> 'data', (select to_jsonb(m) from api.get_member(null, the('open'), the('ada')) as m),
  'The event holds the member'
);
select is(
  (select members_count from api.get_group(null, the('open'))), 6, 'A member counts in the group'
);
select throws_code(
  $$ select api.join_group(the('ada'), the('open')) $$, 'PT409', 'already_member',
  'A member does not join again'
);

select forget_events();
select is(
  pg_temp.join_group('ada', 'closed') - 'id',
  jsonb_build_object(
    'group_id', the('closed'), 'user_id', the('ada'), 'status', 'pending', 'created_at', now()
  ),
  'Whoever joins a private group asks to be let in'
);
select is(
  (select status from api.join_group(the('ada'), the('closed'))), 202,
  'The answer says that it is only a request'
);
select is(
  (select body ->> 'id' from api.join_group(the('ada'), the('closed'))),
  (select id::text from api.list_join_requests(the('owner'), the('closed'))),
  'Asking again answers with the same request'
);
select events_are(
  array['join_request.created'], array['join_request.created'], 'And is no second event'
);
select is(
  (select members_count from api.get_group(null, the('closed'))), 1, 'Asking makes nobody a member'
);
select throws_code(
  $$ select api.list_posts(the('ada'), the('closed')) $$, 'PT403', 'forbidden',
  'Asking lets nobody see the content'
);
select from api.deny_join_request(the('owner'), the('closed'), the('ada'));
select is(
  (select status from api.join_group(the('ada'), the('closed'))), 202,
  'Whoever was turned down may ask again'
);
select throws_code(
  $$ select api.join_group(the('ada'), the('hidden')) $$, 'PT404', 'not_found',
  'Nobody joins a secret group uninvited'
);

-- Bans and mutes outlive leaving.
select throws_code(
  $$ select api.join_group(the('banned'), the('open')) $$, 'PT403', 'banned',
  'A banned user does not join'
);
select make_banned('penitent', 'open', '-1 second');
select is(
  pg_temp.join_group('penitent', 'open') - 'id' - 'created_at' - 'joined_at',
  jsonb_build_object(
    'status', 201, 'group_id', the('open'), 'user_id', the('penitent'), 'role', 'member',
    'muted_until', null, 'is_banned', false, 'ban_reason', null, 'banned_until', null
  ),
  'A user whose ban has run out joins'
);
select is_empty(
  $$ select user_id from api.list_bans(the('owner'), the('open')) where user_id = the('penitent') $$,
  'And is banned no more'
);
select make_banned('later', 'open', '1 day');
select throws_code(
  $$ select api.join_group(the('later'), the('open')) $$, 'PT403', 'banned',
  'A user whose ban runs does not'
);
select from api.leave_group(the('muted'), the('open'));
select from api.join_group(the('muted'), the('open'));
select throws_code(
  $$ select api.create_post(the('muted'), the('open'), 'Here I am again') $$, 'PT403', 'muted',
  'A muted member who leaves and joins again is still muted'
);
select from api.leave_group(the('moderator'), the('open'));
select is(
  pg_temp.join_group('moderator', 'open') ->> 'role', 'member',
  'A moderator who leaves and joins again is a plain member'
);
select is(
  (select count(*) from api.list_members(null, the('open')) where user_id = the('moderator')),
  1::bigint, 'And is there once'
);
select is(
  (select joined_at from api.get_member(null, the('open'), the('moderator'))), now(),
  'Joining again is joining anew'
);

-- A request is settled by whatever makes a member.
select make_user('bob');
select from api.join_group(the('bob'), the('closed'));
select from api.update_group(the('owner'), the('closed'), '{"visibility": "public"}');
select is(
  (select status from api.join_group(the('bob'), the('closed'))), 201,
  'Whoever asked joins, once the group is public'
);
select is_empty(
  $$
    select user_id from api.list_join_requests(the('owner'), the('closed'))
    where user_id = the('bob')
  $$,
  'And the request is settled'
);
select throws_code(
  $$ select api.join_group(the('ada'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'Nobody joins a group that is not there'
);
select from api.delete_group(the('owner'), the('open'));
select throws_code(
  $$ select api.join_group(the('stranger'), the('open')) $$, 'PT404', 'not_found',
  'Nor one that is deleted'
);
select counters_hold();

select * from finish();
rollback;
