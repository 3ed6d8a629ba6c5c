-- Adding a reaction. 04_policy/matrix.sql tests the rights. Proves rules 02.8, 50.1, 50.2 and 50.3.
begin;
select plan(106);

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
select events_are(array['reaction.added'], array[]::text[], 'A reaction emits one event');
select event_is(
  'reaction.added', 'member', 'club', 'post', 'post', 'post',
  'The event names the actor, the group and the subject'
);
select is(
  event() -> 'data',
  (select to_jsonb(r) from api.list_reactions(the('member'), 'post', the('post')) as r),
  'The event holds the reaction'
);
select is(
  (select reactions_count from api.get_post(the('member'), the('post'))), 1,
  'A reaction to a post counts in the post'
);
select forget_events();
select is(
  (select subject_type from api.add_reaction(the('muted'), 'comment', the('comment'), '👍')),
    'comment',
  'A muted member may react to a comment'
);
select event_is(
  'reaction.added', 'muted', 'club', 'post', 'comment', 'comment',
  'The event names the post and the comment'
);
select is(
  (select reactions_count from api.get_comment(the('member'), the('comment'))), 1,
  'A reaction to a comment counts in the comment'
);
select is(
  (select reactions_count from api.get_post(the('member'), the('post'))), 1,
  'A reaction to a comment does not count in its post'
);

select throws_code(
  $$ select api.add_reaction(the('member'), 'post', the('post'), '👍') $$, 'PT409',
  'duplicate_reaction',
  'A member reacts once with each emoji'
);
select is(
  (select reactions_count from api.get_post(the('member'), the('post'))), 1,
  'A refused reaction does not count'
);
select lives_ok(
  format('select api.add_reaction(the(%L), %L, the(%L), %L)', actor, subject, subject, emoji),
  description
)
from (values
  ('member', 'post', '🎉', 'A member reacts with several emoji'),
  ('member', 'comment', '👍', 'A member reacts to several subjects with one emoji'),
  ('admin', 'post', '👍', 'Several members react with one emoji'),
  ('member', 'post', '👍🏽', 'Each skin tone is a separate emoji'),
  ('member', 'post', '%2F/', 'An emoji may have any visible characters')
) as others (actor, subject, emoji, description);

select throws_fields(
  format('select api.add_reaction(the(''member''), ''post'', the(''post''), %L)', emoji),
  array['emoji'],
  format('%s is not an emoji', to_json(emoji))
)
from unnest(array['', ' ', 'a b', E'\t', repeat('x', 17), null]) as emoji;
select throws_fields(
  format('select api.add_reaction(the(''member''), %L, the(''club''), ''👍'')', type),
  array['subject_type'], format('The subject type %s is refused', coalesce(type, 'null'))
)
from unnest(array['group', 'user', '', null]) as type;
select throws_code(
  format('select api.add_reaction(the(''member''), %L, %s, ''👍'')', type, subject), 'PT404',
  'not_found',
  description
)
from (values
  ('post', 'gen_random_uuid()', 'A post that does not exist is not found'),
  ('comment', 'gen_random_uuid()', 'A comment that does not exist is not found'),
  ('comment', $$the('post')$$, 'A post is not found as a comment'),
  ('post', 'null', 'A missing subject is not found')
) as wrong (type, subject, description);
select throws_code(
  $$ select api.add_reaction(the('stranger'), 'post', the('post'), '') $$, 'PT404', 'not_found',
  'A stranger learns nothing about an invalid argument'
);

-- At most 32 emoji on a subject
select make_post('busy', 'club');
select make_comment('busy_comment', 'busy');
select lives_ok(
  format('select make_reaction(%L, %L, ''member'', %L)', type, subject, 'e' || nr),
  format('Emoji number %s on a %s is allowed', nr, type)
)
from (values ('post', 'busy'), ('comment', 'busy_comment')) as subjects (type, subject)
cross join generate_series(1, 32) as nr;
select throws_code(
  format('select api.add_reaction(the(%L), %L, the(%L), ''e33'')', actor, type, subject),
  'PT409', 'too_many_emoji', format('Emoji number 33 on a %s is refused to the %s', type, actor)
)
from (values ('post', 'busy'), ('comment', 'busy_comment')) as subjects (type, subject)
cross join unnest(array['member', 'admin']) as actor;
select is(
  (select reactions_count from api.get_post(the('member'), the('busy'))), 32,
  'A reaction beyond the limit does not count'
);
select throws_code(
  $$ select api.add_reaction(the('member'), 'post', the('busy'), 'e1') $$, 'PT409',
  'duplicate_reaction',
  'A repeated reaction at the limit is a duplicate'
);
select lives_ok(
  $$ select api.add_reaction(the('admin'), 'post', the('busy'), 'e1') $$,
  'An emoji that the subject already has is allowed at the limit'
);
select from api.remove_reaction(the('member'), 'post', the('busy'), 'e2');
select lives_ok(
  $$ select api.add_reaction(the('member'), 'post', the('busy'), 'e33') $$,
  'A new emoji is allowed after another was removed'
);
select sudo($$
  insert into reaction (group_id, post_id, subject_type, subject_id, user_id, emoji)
  select the('club'), the('busy'), 'post', the('busy'), the('owner'), 'old' || nr
  from generate_series(1, 10) as nr
$$);
select lives_ok(
  $$ select api.add_reaction(the('admin'), 'post', the('busy'), 'old1') $$,
  'An emoji that the subject already has is allowed beyond the limit'
);
select throws_code(
  $$ select api.add_reaction(the('admin'), 'post', the('busy'), 'e34') $$, 'PT409',
  'too_many_emoji',
  'A new emoji is refused beyond the limit'
);
select counters_hold();

select * from finish();
rollback;
