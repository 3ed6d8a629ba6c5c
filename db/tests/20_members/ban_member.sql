-- Banning a user. Proves rules 04.14, 20.7, 20.8, 20.12, 20.17, 20.18 and 20.20.
begin;
select plan(72);

select make_group('club', 'public');
select make_cast('club');
select make_member('member2', 'club');
select make_member('admin2', 'club', 'admin');
select make_member('owner2', 'club', 'owner');
select make_post('post', 'club', 'member');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Banning %s', $$select api.ban_member(the(%L), the('club'), the(%L))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden,
    moderator forbidden, admin ok ok ok ok forbidden forbidden, owner ok',
  'stranger', 'banned', 'member2', 'moderator', 'admin2', 'owner2'
);

-- A member
select is(
  (
    select to_jsonb(m) - 'id' - 'created_at' - 'joined_at'
    from api.ban_member(the('admin'), the('club'), the('member'), ' spam ', now() + interval '1 day') as m
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', the('member'), 'role', 'member', 'muted_until', null,
    'is_banned', true, 'ban_reason', 'spam', 'banned_until', now() + interval '1 day'
  ),
  'A ban of a member has a reason and an end'
);
select events_are(
  array['member.banned'], array['member.banned'], 'A ban has one event and one audit entry'
);
select remember(
  'membership', look($$ select id from group_member where user_id = the('member') $$)::uuid
);
select event_is(
  'member.banned', 'admin', 'club', null, 'member', 'membership',
  'The event has the actor and the member'
);
select is(event() #>> '{data,user_id}', the('member')::text, 'The event has the banned user');
select is(
  event() -> 'data' @> '{"is_banned": true, "ban_reason": null, "banned_until": null}', true,
  'The event leaves out reason and end'
);
select is(audited() #>> '{before,is_banned}', 'false', 'The audit entry has the state before');
select is(audited() #>> '{after,ban_reason}', 'spam', 'The audit entry has the reason');
select is(
  look($$ select banned_by from group_member where user_id = the('member') $$)::uuid, the('admin'),
  'The record has the actor of the ban'
);
select is(
  (select members_count from api.get_group(null, the('club'))), 7,
  'A banned user does not count as a member'
);
select is((select body from api.get_post(the('member'), the('post'))), 'A post',
  'A banned user reads a public group'
);
select is(
  outcome(call), result, format('A banned user receives %s: %s', result, split_part(call, '(', 1))
)
from (values
  ($$select api.create_post(the('member'), the('club'), 'x')$$, 'banned'),
  ($$select api.create_comment(the('member'), the('post'), 'x')$$, 'banned'),
  ($$select api.add_reaction(the('member'), 'post', the('post'), '👍')$$, 'banned'),
  ($$select api.update_post(the('member'), the('post'), '{"body": "x"}')$$, 'banned'),
  ($$select api.join_group(the('member'), the('club'))$$, 'banned'),
  ($$select api.leave_group(the('member'), the('club'))$$, 'banned')
) as calls (call, result);

-- A second, permanent ban
select is(
  (select banned_until from api.ban_member(the('owner'), the('club'), the('member'))), null,
  'A second ban replaces the end'
);
select is(
  (select ban_reason from api.list_bans(the('owner'), the('club')) where user_id = the('member')),
  null,
  'A second ban replaces the reason'
);

-- A stranger
select is(
  (select is_banned from api.ban_member(the('admin'), the('club'), the('stranger'))), true,
  'A user without a record can be banned'
);
select is(
  audited() -> 'before', 'null'::jsonb,
  'The audit entry of a user without a record has no state before'
);
select throws_code(
  $$ select api.join_group(the('stranger'), the('club')) $$, 'PT403', 'banned',
  'A banned user cannot join'
);

-- A ban denies a pending request.
select from api.update_group(the('owner'), the('club'), '{"visibility": "private"}');
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select from api.ban_member(the('admin'), the('club'), the('ada'));
select throws_code(
  $$ select api.approve_join_request(the('admin'), the('club'), the('ada')) $$,
  'PT404', 'not_found', 'A ban denies a pending request'
);

-- A group keeps at least one owner.
select from api.ban_member(the('owner'), the('club'), the('owner2'));
select is(
  (select role from api.list_bans(the('owner'), the('club')) where user_id = the('owner2')),
    'member',
  'A banned owner loses the role'
);
select throws_code(
  $$ select api.ban_member(the('owner'), the('club'), the('owner')) $$, 'PT409', 'last_owner',
  'The last owner cannot be banned'
);

select throws_fields(
  format('select api.ban_member(the(''owner''), the(''club''), the(''member2''), %s)', arguments),
  fields, description
)
from (values
  ($$null, now()$$, '{until}'::text[], 'An end in the past is refused'),
  ($$null, 'infinity'$$, '{until}', 'An infinite end is refused'),
  ($$repeat('a', 1001)$$, '{reason}', 'A reason has at most 1,000 characters'),
  ($$repeat('a', 1001), now() - interval '1 day'$$, '{reason,until}',
    'One error names all invalid fields')
) as wrong (arguments, fields, description);
select throws_code(
  $$ select api.ban_member(the('admin'), the('club'), '00000000-0000-0000-0000-000000000000') $$,
  'PT404', 'not_found', 'The nil UUID is not found'
);
select counters_hold();

select * from finish();
rollback;
