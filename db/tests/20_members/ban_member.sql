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

select is(
  outcome(format('select api.ban_member(the(%L), the(''club''), the(%L))', actor, victim)),
  result, format('%s bans %s: %s', actor, victim, result)
)
from (
  select actor, victim, split_part(results, ' ', nr::int) as result
  from (values
    -- bans       stranger banned member2 moderator admin2 owner2
    ('anonymous', 'unauthenticated unauthenticated unauthenticated unauthenticated unauthenticated '
      'unauthenticated'),
    ('stranger', 'forbidden forbidden forbidden forbidden forbidden forbidden'),
    ('banned', 'banned banned banned banned banned banned'),
    ('member', 'forbidden forbidden forbidden forbidden forbidden forbidden'),
    ('moderator', 'forbidden forbidden forbidden forbidden forbidden forbidden'),
    ('admin', 'ok ok ok ok forbidden forbidden'),
    ('owner', 'ok ok ok ok ok ok')
  ) as matrix (actor, results)
  cross join unnest(array['stranger', 'banned', 'member2', 'moderator', 'admin2', 'owner2'])
    with ordinality as victims (victim, nr)
) as cases;

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
  'A member is banned, with a reason and an end'
);
select events_are(array['member.banned'], array['member.banned'], 'A ban is one event, audited');
select remember('membership', look($$ select id from group_member where user_id = the('member') $$)::uuid);
select event_is('member.banned', 'admin', 'club', null, 'member', 'membership', 'It tells who and whom');
select is(event() #>> '{data,user_id}', the('member')::text, 'The event holds whom');
select is(
  event() -> 'data' @> '{"is_banned": true, "ban_reason": null, "banned_until": null}', true,
  'But not why and for how long, which admins alone may read'
);
select is(audited() #>> '{before,is_banned}', 'false', 'The audit log holds how it was');
select is(audited() #>> '{after,ban_reason}', 'spam', 'And why');
select is(
  look($$ select banned_by from group_member where user_id = the('member') $$)::uuid, the('admin'),
  'Who banned is kept'
);
select is((select members_count from api.get_group(null, the('club'))), 7, 'A banned user counts no more');
select is((select body from api.get_post(the('member'), the('post'))), 'A post',
  'In a public group a ban does not take sight'
);
select is(
  outcome(call), result, format('A banned user: %s, %s', split_part(call, '(', 1), result)
)
from (values
  ($$select api.create_post(the('member'), the('club'), 'x')$$, 'banned'),
  ($$select api.create_comment(the('member'), the('post'), 'x')$$, 'banned'),
  ($$select api.add_reaction(the('member'), 'post', the('post'), '👍')$$, 'banned'),
  ($$select api.update_post(the('member'), the('post'), '{"body": "x"}')$$, 'banned'),
  ($$select api.join_group(the('member'), the('club'))$$, 'banned'),
  ($$select api.leave_group(the('member'), the('club'))$$, 'banned')
) as calls (call, result);

-- Again, and for good
select is(
  (select banned_until from api.ban_member(the('owner'), the('club'), the('member'))), null,
  'A ban is changed by banning again'
);
select is(
  (select ban_reason from api.list_bans(the('owner'), the('club')) where user_id = the('member')), null,
  'The reason is the new ban''s'
);

-- A stranger
select is(
  (select is_banned from api.ban_member(the('admin'), the('club'), the('stranger'))), true,
  'Whoever was never a member is banned, too'
);
select is(audited() -> 'before', 'null'::jsonb, 'There was nothing before');
select throws_code(
  $$ select api.join_group(the('stranger'), the('club')) $$, 'PT403', 'banned', 'And does not join'
);

-- A request to join is denied by a ban.
select from api.update_group(the('owner'), the('club'), '{"visibility": "private"}');
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select from api.ban_member(the('admin'), the('club'), the('ada'));
select throws_code(
  $$ select api.approve_join_request(the('admin'), the('club'), the('ada')) $$, 'PT404', 'not_found',
  'A ban denies a pending request'
);

-- A group keeps at least one owner.
select from api.ban_member(the('owner'), the('club'), the('owner2'));
select is(
  (select role from api.list_bans(the('owner'), the('club')) where user_id = the('owner2')), 'member',
  'A banned owner is none'
);
select throws_code(
  $$ select api.ban_member(the('owner'), the('club'), the('owner')) $$, 'PT409', 'last_owner',
  'The last owner is not banned'
);

select throws_fields(
  format('select api.ban_member(the(''owner''), the(''club''), the(''member2''), %s)', arguments),
  fields, description
)
from (values
  ($$null, now()$$, '{until}'::text[], 'A ban ends in the future'),
  ($$null, 'infinity'$$, '{until}', 'A ban for good has no end'),
  ($$repeat('a', 1001)$$, '{reason}', 'A reason has 1,000 characters at most'),
  ($$repeat('a', 1001), now() - interval '1 day'$$, '{reason,until}', 'All fields at fault are named')
) as wrong (arguments, fields, description);
select throws_code(
  $$ select api.ban_member(the('admin'), the('club'), '00000000-0000-0000-0000-000000000000') $$,
  'PT404', 'not_found', 'The nil UUID, which stands for whoever has no token, is no user'
);
select counters_hold();

select * from finish();
rollback;
