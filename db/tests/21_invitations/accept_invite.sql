-- Accepting an invitation. Proves rules 20.5, 20.14, 21.5, 21.6, 21.7, 21.8, 21.12 and 21.13.
begin;
select plan(28);

select make_group('club', 'secret');
select make_cast('club');
select make_user(name) from unnest(array['ada', 'bob', 'cyd']) as name;
set local role communities_job;

create function pg_temp.invite(p_options text default '') returns void language plpgsql as $$
begin
  execute format(
    'select set_config(''the.code'', code, true) from api.create_invite(the(''owner''), the(''club'')%s)',
    p_options
  );
end
$$;
create function pg_temp.accept(p_name text) returns text language sql as $$
  select format('select api.accept_invite(the(%L), current_setting(''the.code''))', p_name)
$$;

select pg_temp.invite(', p_role => ''moderator''');
select forget_events();
select is(
  (select to_jsonb(m) - 'id' from api.accept_invite(the('ada'), current_setting('the.code')) as m),
  jsonb_build_object(
    'group_id', the('club'), 'user_id', the('ada'), 'role', 'moderator', 'joined_at', now(),
    'created_at', now(), 'muted_until', null, 'is_banned', false, 'ban_reason', null,
    'banned_until', null
  ),
  'A user who accepts becomes a member with the role of the invitation'
);
select events_are(
  array['member.joined'], array['member.joined'], 'Accepting has one event and one audit entry'
);
select is(event() ->> 'actor_id', the('ada')::text, 'The event has the new member as its actor');
select is(
  (select members_count from api.get_group(the('ada'), the('club'))), 6,
  'The new member counts in the group'
);
select throws_code(
  pg_temp.accept('ada'), 'PT409', 'already_member', 'A member cannot accept an invitation'
);
select throws_code(
  pg_temp.accept('owner'), 'PT409', 'already_member', 'An owner cannot accept an invitation'
);
select is(
  look($$ select uses from group_invite $$), '1', 'An invitation counts its uses'
);
select lives_ok(pg_temp.accept('bob'), 'An invitation without a limit can be used repeatedly');
select throws_code(
  pg_temp.accept('banned'), 'PT403', 'banned', 'A banned user cannot join by an invitation'
);
select throws_code(
  pg_temp.accept('anonymous'), 'PT401', 'unauthenticated',
  'An anonymous caller cannot accept an invitation'
);
select is(look($$ select uses from group_invite $$), '2', 'A refusal does not count as a use');

select pg_temp.invite(', p_max_uses => 1');
select from api.leave_group(the('ada'), the('club'));
select lives_ok(pg_temp.accept('ada'), 'A former member may be invited again');
select is(
  (select role from api.get_member(the('owner'), the('club'), the('ada'))), 'member',
  'A former member returns with the role of the new invitation'
);
select throws_code(pg_temp.accept('cyd'), 'PT404', 'not_found', 'A spent invitation is not found');

select pg_temp.invite(', the(''cyd'')');
select throws_code(
  pg_temp.accept('stranger'), 'PT404', 'not_found', 'An invitation for another user is not found'
);
select lives_ok(pg_temp.accept('cyd'), 'An invitation for the user is accepted');

select pg_temp.invite(', p_expires_at => now() + interval ''1 second''');
select sudo($$ update group_invite set expires_at = now() where expires_at is not null $$);
select throws_code(
  pg_temp.accept('stranger'), 'PT404', 'not_found', 'An expired invitation is not found'
);

select throws_code(
  format('select api.accept_invite(the(''stranger''), %L)', code), 'PT404', 'not_found',
  format('The code %s is not found', coalesce(quote_literal(code), 'Nothing'))
)
from unnest(array['nonsense', '', null]) as code;

select pg_temp.invite();
select throws_code(
  format('select api.accept_invite(the(''stranger''), %L)', upper(current_setting('the.code'))),
  'PT404', 'not_found', 'A code is case-sensitive'
);
select from api.delete_group(the('owner'), the('club'));
select throws_code(
  pg_temp.accept('stranger'), 'PT404', 'not_found',
  'An invitation into a deleted group is not found'
);
select from api.restore_group(the('owner'), the('club'));
select lives_ok(
  pg_temp.accept('stranger'), 'An invitation is valid again after its group is restored'
);

-- Accepting an invitation approves a pending request.
select from api.update_group(the('owner'), the('club'), '{"visibility": "private"}');
select make_user('dan');
select from api.join_group(the('dan'), the('club'));
select from api.accept_invite(the('dan'), current_setting('the.code'));
select is_empty(
  $$ select * from api.list_join_requests(the('owner'), the('club')) $$,
  'Accepting an invitation approves the pending request'
);
select make_muted('quiet', 'club');
select from api.leave_group(the('quiet'), the('club'));
select from api.accept_invite(the('quiet'), current_setting('the.code'));
select throws_code(
  $$ select api.create_post(the('quiet'), the('club'), 'x') $$, 'PT403', 'muted',
  'A mute outlives leaving and accepting an invitation'
);
-- An invitation is valid only while its creator may grant its role.
select make_member('host', 'club', 'admin');
select set_config('the.word', i.code, true)
from api.create_invite(the('host'), the('club'), p_role => 'moderator') as i;
select from api.put_member(the('owner'), the('club'), the('host'), 'member');
select make_user('eve');
select throws_code(
  $$ select api.accept_invite(the('eve'), current_setting('the.word')) $$, 'PT404', 'not_found',
  'The invitation of a former admin is not found'
);
select from api.put_member(the('owner'), the('club'), the('host'), 'admin');
select is(
  (select role from api.accept_invite(the('eve'), current_setting('the.word'))), 'moderator',
  'An invitation is valid again when its creator becomes an admin again'
);
select counters_hold();

select * from finish();
rollback;
