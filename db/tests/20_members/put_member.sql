-- Adding a user with a role, or changing a member's role.
-- Proves rules 04.14, 20.7, 20.8, 20.9, 20.10 and 20.22.
begin;
select plan(89);

select make_group('club', 'private');
select make_cast('club');
select make_member('member2', 'club');
select make_member('moderator2', 'club', 'moderator');
select make_member('admin2', 'club', 'admin');
select make_member('owner2', 'club', 'owner');
select forget_events();
set local role communities_job;

select is(
  outcome(format('select api.put_member(the(%L), the(''club''), the(%L), %L)', actor, subject, role)),
  result, format(
    'Making %s %s as %s has the outcome %s', subject, role, actor, result
  )
)
from (
  select actor, subject, role, split_part(results, ' ', nr::int) as result
  from (values
    -- grants                         member moderator admin owner
    ('anonymous', 'stranger',   'unauthenticated unauthenticated unauthenticated unauthenticated'),
    ('stranger',  'stranger',   'forbidden forbidden forbidden forbidden'),
    ('member',    'stranger',   'forbidden forbidden forbidden forbidden'),
    ('moderator', 'stranger',   'forbidden forbidden forbidden forbidden'),
    ('moderator', 'member2',    'forbidden forbidden forbidden forbidden'),
    ('banned',    'banned',     'banned banned banned banned'),
    ('admin',     'stranger',   'ok ok forbidden forbidden'),
    ('admin',     'banned',     'banned banned forbidden forbidden'),
    ('admin',     'member2',    'ok ok forbidden forbidden'),
    ('admin',     'moderator2', 'ok ok forbidden forbidden'),
    ('admin',     'admin2',     'forbidden forbidden forbidden forbidden'),
    ('admin',     'admin',      'forbidden forbidden forbidden forbidden'),
    ('admin',     'owner2',     'forbidden forbidden forbidden forbidden'),
    ('owner',     'stranger',   'ok ok ok ok'),
    ('owner',     'admin2',     'ok ok ok ok'),
    ('owner',     'owner2',     'ok ok ok ok'),
    ('owner',     'owner',      'ok ok ok ok')
  ) as matrix (actor, subject, results)
  cross join unnest(array['member', 'moderator', 'admin', 'owner']) with ordinality as roles (role, nr)
) as cases;

-- Adding
select is(
  (
    select jsonb_build_object('status', status, 'role', body ->> 'role', 'user', body ->> 'user_id')
    from api.put_member(the('admin'), the('club'), the('stranger'), 'moderator')
  ),
  jsonb_build_object('status', 201, 'role', 'moderator', 'user', the('stranger')),
  'A non-member is added'
);
select events_are(
  array['member.joined'], array['member.joined'], 'Adding has one event and one audit entry'
);
select is(event() ->> 'actor_id', the('admin')::text, 'The event has the actor');
select is(event() #>> '{data,role}', 'moderator', 'The event has the role');

-- Changing
select forget_events();
select remember('membership', id) from api.get_member(the('owner'), the('club'), the('stranger'));
select is(
  (
    select jsonb_build_object('status', status, 'role', body ->> 'role')
    from api.put_member(the('owner'), the('club'), the('stranger'), 'admin')
  ),
  '{"status": 200, "role": "admin"}', 'The role of a member is changed'
);
select events_are(
  array['member.role_changed'], array['member.role_changed'],
  'A change of role has one event and one audit entry'
);
select event_is(
  'member.role_changed', 'owner', 'club', null, 'member', 'membership',
  'The event has the actor and the member'
);
select is(audited() #>> '{before,role}', 'moderator', 'The audit entry has the role before');
select is(audited() #>> '{after,role}', 'admin', 'The audit entry has the role after');
select forget_events();
select is(
  (select status from api.put_member(the('owner'), the('club'), the('stranger'), 'admin')), 200,
  'Granting the current role changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');

-- Adding a user approves a pending request.
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select from api.put_member(the('admin'), the('club'), the('ada'), 'member');
select is_empty(
  $$ select * from api.list_join_requests(the('admin'), the('club')) $$,
  'Adding a user approves the pending request'
);

-- A group keeps at least one owner.
select from api.put_member(the('owner'), the('club'), the('owner2'), 'admin');
select throws_code(
  $$ select api.put_member(the('owner'), the('club'), the('owner'), 'admin') $$,
  'PT409', 'last_owner', 'The last owner cannot become admin'
);
select lives_ok(
  $$ select api.put_member(the('owner'), the('club'), the('owner'), 'owner') $$,
  'Granting owner to the last owner changes nothing'
);
select throws_fields(
  format('select api.put_member(the(''owner''), the(''club''), the(''member''), %L)', role),
  array['role'], format('The role %s is refused', coalesce(role, 'Nothing'))
)
from unnest(array['king', 'Owner', '', null]) as role;

-- The nil UUID stands for anonymous callers.
select throws_code(
  $$ select api.put_member(the('admin'), the('club'), '00000000-0000-0000-0000-000000000000', 'member') $$,
  'PT404', 'not_found', 'The nil UUID is not found'
);
select throws_code(
  $$ select api.put_member('00000000-0000-0000-0000-000000000000', the('club'), the('ada'), 'member') $$,
  'PT401', 'unauthenticated', 'The nil UUID is not an actor'
);
select counters_hold();

select * from finish();
rollback;
