-- Creating a topic tag. Proves rule 60.1.
begin;
select plan(15);

select make_user('ada');
select make_user('bob');
select forget_events();
set local role communities_job;

select remember('tag', id) from api.create_tag(the('ada'), ' ' || upper(own('chess')) || E'\n');
select is(
  (select to_jsonb(t) from api.list_tags(null, own('chess')) as t),
  jsonb_build_object('id', the('tag'), 'tag', own('chess'), 'posts_count', 0, 'created_at', now()),
  'A tag is stored in its folded form'
);
select events_are(
  array['tag.created'], array['tag.created'], 'A new tag has one event and one audit entry'
);
select event_is(
  'tag.created', 'ada', null, null, 'tag', 'tag',
  'The event names the actor and the tag, but no group'
);
select is(event() #>> '{data,tag}', own('chess'), 'The event holds the tag');
select throws_code(
  format('select api.create_tag(the(''bob''), %L)', tag), 'PT409', 'duplicate_tag',
  format('A tag is created once: %s', tag)
)
from unnest(array[own('chess'), upper(own('chess')) || ' ']) as tag;
select throws_code(
  $$ select api.create_tag(null, own('go')) $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);
select throws_fields(
  format('select api.create_tag(the(''ada''), %L)', tag), array['tag'],
  format('%s is not a tag', to_json(left(tag, 5)))
)
from unnest(array['', ' ', E'\t\n', repeat('x', 51), null]) as tag;
select lives_ok(
  format('select api.create_tag(the(''ada''), %L)', ' ' || repeat('é', 40) || own('')),
  'The length of a tag counts characters after trimming'
);

select make_group('club');
select make_post('post', 'club', 'owner', array[own('go')]);
select throws_code(
  $$ select api.create_tag(the('ada'), own('go')) $$, 'PT409', 'duplicate_tag',
  'A tag of a public post exists already'
);
select counters_hold();

select * from finish();
rollback;
