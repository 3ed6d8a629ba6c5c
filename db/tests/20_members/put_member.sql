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
  result, format('%s makes %s %s: %s', actor, subject, role, result)
)
from (
  select actor, subject, role, split_part(results, ' ', nr::int) as result
  from (values
    -- makes somebody                 member moderator admin owner
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
  'Whoever is no member is added'
);
select events_are(array['member.joined'], array['member.joined'], 'Adding is one event, audited');
select is(event() ->> 'actor_id', the('admin')::text, 'The event tells who added');
select is(event() #>> '{data,role}', 'moderator', 'And in which role');

-- Changing
select forget_events();
select remember('membership', id) from api.get_member(the('owner'), the('club'), the('stranger'));
select is(
  (
    select jsonb_build_object('status', status, 'role', body ->> 'role')
    from api.put_member(the('owner'), the('club'), the('stranger'), 'admin')
  ),
  '{"status": 200, "role": "admin"}', 'A member''s role is changed'
);
select events_are(
  array['member.role_changed'], array['member.role_changed'], 'A change of role is one event, audited'
);
select event_is(
  'member.role_changed', 'owner', 'club', null, 'member', 'membership', 'The event tells who and whose'
);
select is(audited() #>> '{before,role}', 'moderator', 'The audit log holds the role before');
select is(audited() #>> '{after,role}', 'admin', 'And after');
select forget_events();
select is(
  (select status from api.put_member(the('owner'), the('club'), the('stranger'), 'admin')), 200,
  'The role that a member has already is no change'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');

-- A request to join is settled by being added.
select make_user('ada');
select from api.join_group(the('ada'), the('club'));
select from api.put_member(the('admin'), the('club'), the('ada'), 'member');
select is_empty(
  $$ select * from api.list_join_requests(the('admin'), the('club')) $$,
  'Whoever is added has no request pending'
);

-- A group keeps at least one owner.
select from api.put_member(the('owner'), the('club'), the('owner2'), 'admin');
select throws_code(
  $$ select api.put_member(the('owner'), the('club'), the('owner'), 'admin') $$, 'PT409', 'last_owner',
  'The last owner does not step down'
);
select lives_ok(
  $$ select api.put_member(the('owner'), the('club'), the('owner'), 'owner') $$, 'But may stay owner'
);
select throws_fields(
  format('select api.put_member(the(''owner''), the(''club''), the(''member''), %L)', role),
  array['role'], format('%s is no role', coalesce(role, 'Nothing'))
)
from unnest(array['king', 'Owner', '', null]) as role;

-- The nil UUID stands for whoever has no token.
select throws_code(
  $$ select api.put_member(the('admin'), the('club'), '00000000-0000-0000-0000-000000000000', 'member') $$,
  'PT404', 'not_found', 'Nobody is no user'
);
select throws_code(
  $$ select api.put_member('00000000-0000-0000-0000-000000000000', the('club'), the('ada'), 'member') $$,
  'PT401', 'unauthenticated', 'And does nothing'
);
select counters_hold();

select * from finish();
rollback;
