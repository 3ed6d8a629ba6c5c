-- Creating an invitation. Proves rules 02.16, 04.16, 21.3, 21.4, 21.5 and 21.11.
begin;
select plan(46);

select make_group('club', 'secret');
select make_cast('club');
select make_user('ada');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Inviting with the role %s', $$select api.create_invite(the(%L), the('club'), p_role => %L)$$,
  'anonymous unauthenticated, stranger not_found, banned not_found, member forbidden,
    moderator forbidden, admin ok ok forbidden forbidden, owner ok',
  'member', 'moderator', 'admin', 'owner'
);

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
  'An invitation has the given fields'
);
select events_are(
  array['invite.created'], array['invite.created'], 'Inviting has one event and one audit entry'
);
select remember('invite', look($$ select id from group_invite $$)::uuid);
select event_is(
  'invite.created', 'admin', 'club', null, 'invite', 'invite',
  'The event has the actor and the subject'
);
select is(event() -> 'data' ? 'code', false, 'The event leaves out the code');
select is(audited() -> 'after' ? 'code', false, 'The audit entry leaves out the code');
select is(
  (
    select to_jsonb(i) - 'id' - 'code' - 'created_at'
    from api.create_invite(the('owner'), the('club')) as i
  ),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', null, 'role', 'member', 'max_uses', null, 'uses', 0,
    'expires_at', null, 'created_by', the('owner')
  ),
  'By default an invitation is for any user, as member and without an end'
);
select is(
  (select role from api.create_invite(the('owner'), the('club'), p_role => null)), 'member',
  'A null role means member'
);
select is(
  look($$ select bool_and(code ~ '^[A-Za-z0-9]{24}$') from group_invite $$), 'true',
  'A code has 24 letters and digits'
);
select is(
  (
    select count(distinct i.code)
    from generate_series(1, 20) as n
    cross join lateral api.create_invite(the('owner'), the('club'), p_max_uses => n) as i
  ),
  20::bigint, 'Codes are unique'
);

select throws_fields(
  format('select api.create_invite(the(''admin''), the(''club''), %s)', arguments), fields,
  description
)
from (values
  ($$p_role => 'king'$$, '{role}'::text[], 'An unknown role is refused'),
  ($$p_max_uses => 0$$, '{max_uses}', 'A limit of 0 uses is refused'),
  ($$p_max_uses => -1$$, '{max_uses}', 'A negative number of uses is refused'),
  ($$p_expires_at => now()$$, '{expires_at}', 'An end in the past is refused'),
  ($$p_expires_at => 'infinity'$$, '{expires_at}', 'An infinite end is refused'),
  ($$p_user_id => '00000000-0000-0000-0000-000000000000'$$, '{user_id}',
    'The nil UUID is refused'),
  ($$p_role => 'x', p_max_uses => 0, p_expires_at => now()$$, '{role,max_uses,expires_at}',
    'One error names all invalid fields')
) as wrong (arguments, fields, description);
select throws_code(
  $$ select api.create_invite(the('member'), the('club'), p_role => 'king') $$,
  'PT403', 'forbidden', 'A member learns nothing about an invalid argument'
);
select counters_hold();

select * from finish();
rollback;
