-- Removing the actor's own reaction. Proves rules 02.8 and 50.4.
begin;
select plan(21);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post');
select make_reaction('post', 'post', 'member');
select make_reaction('post', 'post', 'member', '🎉');
select make_reaction('post', 'post', 'admin');
select make_reaction('comment', 'comment', 'member');
select remember('reaction', look($$
  select id from reaction where user_id = the('member') and subject_type = 'post' and emoji = '👍'
$$)::uuid);
select forget_events();
set local role communities_job;

select throws_code(
  format('select api.remove_reaction(the(%L), ''post'', the(''post''), ''👍'')', actor), state, code,
  format('The %s has no reaction to remove', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT404', 'not_found'),
  ('moderator', 'PT404', 'not_found'), ('owner', 'PT404', 'not_found')
) as refused (actor, state, code);
select throws_code(
  $$ select api.remove_reaction(the('admin'), 'post', the('post'), '🎉') $$, 'PT404', 'not_found',
  'A member does not remove another member''s reaction'
);
select throws_code(
  $$ select api.remove_reaction(the('admin'), 'comment', the('comment'), '👍') $$, 'PT404',
  'not_found',
  'A reaction to another subject is not found'
);
select lives_ok(
  $$ select api.remove_reaction(the('member'), 'post', the('post'), '👍') $$,
  'A member removes their own reaction'
);
select events_are(array['reaction.removed'], array[]::text[], 'A removal emits one event');
select event_is(
  'reaction.removed', 'member', 'club', 'post', 'post', 'post',
  'The event names the actor, the group and the subject'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('reaction'), 'deleted_at', now()),
  'The event has the id and the time, but no content'
);
select is(
  (select reactions_count from api.get_post(null, the('post'))), 2,
  'A removed reaction does not count in the post'
);
select is(
  (select reactions::jsonb from api.get_post(null, the('post'))),
  '[{"emoji": "🎉", "count": 1, "reacted": false}, {"emoji": "👍", "count": 1, "reacted": false}]',
  'A removed reaction does not count in its emoji'
);
select throws_code(
  $$ select api.remove_reaction(the('member'), 'post', the('post'), '👍') $$, 'PT404', 'not_found',
  'A removed reaction is not found'
);
select lives_ok(
  $$ select api.add_reaction(the('member'), 'post', the('post'), '👍') $$,
  'A member may react again after a removal'
);
select lives_ok(
  $$ select api.remove_reaction(the('member'), 'comment', the('comment'), '👍') $$,
  'A member removes a reaction to a comment'
);
select is(
  (select reactions from api.get_comment(null, the('comment')))::text, '[]',
  'A comment without reactions has an empty summary'
);
select from api.leave_group(the('member'), the('club'));
select lives_ok(
  $$ select api.remove_reaction(the('member'), 'post', the('post'), '🎉') $$,
  'A former member of a public group removes their own reaction'
);
select throws_code(
  format('select api.remove_reaction(the(''member''), ''post'', the(''post''), %L)', emoji),
  'PT404', 'not_found', format('An invalid emoji is not found: %s', to_json(emoji))
)
from unnest(array['', repeat('x', 1000), null]) as emoji;
select counters_hold();

select * from finish();
rollback;
