-- Muting a member. Proves rules 04.3, 04.11, 20.8 and 20.14.
begin;
select plan(61);

select make_group('club', 'public');
select make_cast('club');
select make_member('member2', 'club');
select make_member('moderator2', 'club', 'moderator');
select make_member('owner2', 'club', 'owner');
select make_post('post', 'club', 'member');
select make_comment('comment', 'post', 'member');
select forget_events();
set local role communities_job;

select outcomes_are(
  'Muting %s',
  $$select api.mute_member(the(%L), the('club'), the(%L), now() + interval '1 hour')$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden,
    moderator not_found not_found ok forbidden forbidden forbidden,
    admin not_found not_found ok ok forbidden forbidden,
    owner not_found not_found ok ok ok ok',
  'stranger', 'banned', 'member2', 'moderator2', 'admin', 'owner2'
);

select is(
  (
    select muted_until
    from api.mute_member(the('moderator'), the('club'), the('member'), now() + interval '1 hour')
  ),
  now() + interval '1 hour', 'A member is muted until a time'
);
select events_are(
  array['member.muted'], array['member.muted'], 'A mute has one event and one audit entry'
);
select is(event() #>> '{data,user_id}', the('member')::text, 'The event has the muted member');
select is(audited() #>> '{before,muted_until}', null, 'The audit entry has the state before');
select is(
  outcome(call), result, format('A muted member receives %s: %s', result, split_part(call, '(', 1))
)
from (values
  ($$select api.get_post(the('member'), the('post'))$$, 'ok'),
  ($$select api.add_reaction(the('member'), 'post', the('post'), '👍')$$, 'ok'),
  ($$select api.create_post(the('member'), the('club'), 'x')$$, 'muted'),
  ($$select api.create_comment(the('member'), the('post'), 'x')$$, 'muted'),
  ($$select api.update_post(the('member'), the('post'), '{"body": "x"}')$$, 'muted'),
  ($$select api.update_comment(the('member'), the('comment'), '{"body": "x"}')$$, 'muted'),
  ($$select api.delete_post(the('member'), the('post'))$$, 'ok'),
  ($$select api.leave_group(the('member'), the('club'))$$, 'ok')
) as calls (call, result);
select make_muted('healed', 'club', '-1 second');
select lives_ok(
  $$ select api.create_post(the('healed'), the('club'), 'I am back') $$, 'A mute expires at its end'
);
select throws_fields(
  format('select api.mute_member(the(''owner''), the(''club''), the(''member2''), %s)', until),
  array['until'], format('An end of %s is refused', until)
)
from unnest(array['null', 'now()', $$'-infinity'$$, $$'infinity'$$]) as until;
select throws_code(
  $$
    select api.mute_member(the('owner'), gen_random_uuid(), the('member2'), now() + interval '1 hour')
  $$,
  'PT404', 'not_found', 'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
