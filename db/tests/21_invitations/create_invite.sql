-- Creating an invitation. Proves rules 02.16, 04.16, 21.3, 21.4, 21.5 and 21.11.
begin;
select plan(46);

select make_group('club', 'secret');
select make_cast('club');
select make_user('ada');
select forget_events();
set local role communities_job;

select is(
  outcome(format('select api.create_invite(the(%L), the(''club''), p_role => %L)', actor, role)),
  result, format('%s invites as %s: %s', actor, role, result)
)
from (
  select actor, role, split_part(results, ' ', nr::int) as result
  from (values
    ('anonymous', 'unauthenticated unauthenticated unauthenticated unauthenticated'),
    ('stranger', 'not_found not_found not_found not_found'),
    ('banned', 'not_found not_found not_found not_found'),
    ('member', 'forbidden forbidden forbidden forbidden'),
    ('moderator', 'forbidden forbidden forbidden forbidden'),
    ('admin', 'ok ok forbidden forbidden'),
    ('owner', 'ok ok ok ok')
  ) as matrix (actor, results)
  cross join unnest(array['member', 'moderator', 'admin', 'owner']) with ordinality as roles (role, nr)
) as cases;

select is(
  (
    select to_jsonb(i) - 'id' - 'code' from api.create_invite(
      the('admin'), the('club'), the('ada'), 'moderator', 3, now() + interval '1 day'
    ) as i
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', the('ada'), 'role', 'moderator', 'max_uses', 3, 'uses', 0,
    'expires_at', now() + interval '1 day', 'created_by', the('admin'), 'created_at', now()
  ),
  'An invitation is as it was asked for'
);
select events_are(array['invite.created'], array['invite.created'], 'Inviting is one event, audited');
select remember('invite', look($$ select id from group_invite $$)::uuid);
select event_is('invite.created', 'admin', 'club', null, 'invite', 'invite', 'It tells who and what');
select is(event() -> 'data' ? 'code', false, 'The event does not tell the code');
select is(audited() -> 'after' ? 'code', false, 'Nor does the audit log');
select is(
  (
    select to_jsonb(i) - 'id' - 'code' - 'created_at'
    from api.create_invite(the('owner'), the('club')) as i
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', null, 'role', 'member', 'max_uses', null, 'uses', 0,
    'expires_at', null, 'created_by', the('owner')
  ),
  'An invitation is for anyone, into the role member, without end, unless it says otherwise'
);
select is(
  (select role from api.create_invite(the('owner'), the('club'), p_role => null)), 'member',
  'A role that is null is member'
);
select is(
  look($$ select bool_and(code ~ '^[A-Za-z0-9]{24}$') from group_invite $$), 'true',
  'A code is 24 letters and digits'
);
select is(
  (
    select count(distinct i.code)
    from generate_series(1, 20) as n
    cross join lateral api.create_invite(the('owner'), the('club'), p_max_uses => n) as i
  ),
  20::bigint, 'Each code is another'
);

select throws_fields(
  format('select api.create_invite(the(''admin''), the(''club''), %s)', arguments), fields, description
)
from (values
  ($$p_role => 'king'$$, '{role}'::text[], 'A role is one of four'),
  ($$p_max_uses => 0$$, '{max_uses}', 'An invitation is used once at least'),
  ($$p_max_uses => -1$$, '{max_uses}', 'And not less'),
  ($$p_expires_at => now()$$, '{expires_at}', 'An invitation ends in the future'),
  ($$p_expires_at => 'infinity'$$, '{expires_at}', 'One without end has none'),
  ($$p_user_id => '00000000-0000-0000-0000-000000000000'$$, '{user_id}',
    'The nil UUID is nobody''s'),
  ($$p_role => 'x', p_max_uses => 0, p_expires_at => now()$$, '{role,max_uses,expires_at}',
    'All fields at fault are named')
) as wrong (arguments, fields, description);
select throws_code(
  $$ select api.create_invite(the('member'), the('club'), p_role => 'king') $$, 'PT403', 'forbidden',
  'What is wrong with an invitation is not told to a member'
);
select counters_hold();

select * from finish();
rollback;
