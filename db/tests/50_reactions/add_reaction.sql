-- Reacting. Who may is in 04_policy/matrix.sql.
begin;
select plan(32);

select make_group('club', 'private');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post');
select forget_events();
set local role communities_job;

select remember('reaction', id) from api.add_reaction(the('member'), 'post', the('post'), '👍');
select is(
  (select to_jsonb(r) from api.list_reactions(the('member'), 'post', the('post')) as r),
  jsonb_build_object(
    'id', the('reaction'), 'subject_type', 'post', 'subject_id', the('post'), 'user_id', the('member'),
    'emoji', '👍', 'created_at', now()
  ),
  'A member reacts to a post'
);
select events_are(array['reaction.added'], array[]::text[], 'A reaction is one event');
select event_is('reaction.added', 'member', 'club', 'post', 'post', 'post', 'The event tells who, where and to what');
select is(
  event() -> 'data',
  (select to_jsonb(r) from api.list_reactions(the('member'), 'post', the('post')) as r),
  'The event holds the reaction'
);
select is((select reactions_count from api.get_post(the('member'), the('post'))), 1, 'It counts in the post');
select forget_events();
select is(
  (select subject_type from api.add_reaction(the('muted'), 'comment', the('comment'), '👍')), 'comment',
  'A muted member may react, to a comment too'
);
select event_is(
  'reaction.added', 'muted', 'club', 'post', 'comment', 'comment', 'The event tells the post and the comment'
);
select is(
  (select reactions_count from api.get_comment(the('member'), the('comment'))), 1, 'It counts in the comment'
);
select is(
  (select reactions_count from api.get_post(the('member'), the('post'))), 1, 'And not in the post'
);

select throws_code(
  $$ select api.add_reaction(the('member'), 'post', the('post'), '👍') $$, 'PT409', 'duplicate_reaction',
  'Nobody reacts twice with one emoji'
);
select is(
  (select reactions_count from api.get_post(the('member'), the('post'))), 1, 'A refusal counts nothing'
);
select lives_ok(
  format('select api.add_reaction(the(%L), %L, the(%L), %L)', actor, subject, subject, emoji), description
)
from (values
  ('member', 'post', '🎉', 'With another emoji they do'),
  ('member', 'comment', '👍', 'And to something else'),
  ('admin', 'post', '👍', 'Another member reacts with the same emoji'),
  ('member', 'post', '👍🏽', 'Another colour is another emoji'),
  ('member', 'post', '%2F/', 'Any characters are an emoji')
) as others (actor, subject, emoji, description);

select throws_fields(
  format('select api.add_reaction(the(''member''), ''post'', the(''post''), %L)', emoji), array['emoji'],
  format('%s is no emoji', to_json(emoji))
)
from unnest(array['', ' ', 'a b', E'\t', repeat('x', 17), null]) as emoji;
select throws_fields(
  format('select api.add_reaction(the(''member''), %L, the(''club''), ''👍'')', type),
  array['subject_type'], format('Nobody reacts to a %s', coalesce(type, 'nothing'))
)
from unnest(array['group', 'user', '', null]) as type;
select throws_code(
  format('select api.add_reaction(the(''member''), %L, %s, ''👍'')', type, subject), 'PT404', 'not_found',
  description
)
from (values
  ('post', 'gen_random_uuid()', 'Nobody reacts to a post that is not there'),
  ('comment', 'gen_random_uuid()', 'Nor to a comment that is not there'),
  ('comment', $$the('post')$$, 'A post is no comment'),
  ('post', 'null', 'Nobody reacts to nothing')
) as wrong (type, subject, description);
select throws_code(
  $$ select api.add_reaction(the('stranger'), 'post', the('post'), '') $$, 'PT404', 'not_found',
  'What is wrong with a reaction is not told to a stranger'
);
select counters_hold();

select * from finish();
rollback;
