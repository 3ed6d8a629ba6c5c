-- Claiming the subjects to index, each once and in its current state.
-- Proves rules 06.2, 06.3, 90.8, 90.11 and 90.15.
begin;
select plan(14);

select forget_events();
select make_group('club');
select make_post('post', 'club', 'owner', array['chess'], 'First words');
select make_comment('comment', 'post');
select from api.update_post(the('owner'), the('post'), '{"body": "Last words"}');
select make_reaction('post', 'post');
set local role communities_job;

select results_eq(
  $$ select kind, id, cardinality(event_ids) from api.claim_search_tasks() $$,
  $$ values ('group', the('club'), 1), ('post', the('post'), 2), ('comment', the('comment'), 1) $$,
  'Each subject is claimed once, with all its events, in the order of the events'
);
select is(
  (select document::jsonb - 'version' - 'created_at' from api.claim_search_tasks() where kind = 'post'),
  jsonb_build_object(
    'kind', 'post', 'id', the('post'), 'deleted', false, 'group_id', the('club'),
    'post_id', the('post'), 'author_id', the('owner'), 'title', null, 'body', 'Last words',
    'tags', array['chess']
  ),
  'A post is told as it is now'
);
select is(
  (select (document ->> 'version')::bigint from api.claim_search_tasks() where kind = 'post'),
  look(format('select version from post where id = %L', the('post')))::bigint,
  'Its version is the row''s'
);
select is(
  (select count(*) from api.claim_search_tasks(p_most => 1)), 1::bigint, 'A claim has an end'
);
select api.delete_post(the('owner'), the('post'));
select is(
  (select document::jsonb - 'version' from api.claim_search_tasks() where kind = 'post'),
  jsonb_build_object('kind', 'post', 'id', the('post'), 'deleted', true),
  'Of a deleted post nothing is told but that'
);
select sudo(format('delete from post where id = %L', the('post')));
select is(
  (select document::jsonb - 'version' from api.claim_search_tasks() where kind = 'comment'),
  jsonb_build_object('kind', 'comment', 'id', the('comment'), 'deleted', true),
  'Of a row that is gone a tombstone is made'
);
select ok(
  (select version from api.claim_search_tasks() where kind = 'comment')
    > look('select max(version) from group_entity')::bigint,
  'It has a version above all that were given'
);

-- An event that failed waits longer each time, and then it is dead.
select api.fail_search_events(event_ids, 'no good') from api.claim_search_tasks() where kind = 'group';
select is(
  (select array_agg(kind order by kind) from api.claim_search_tasks()), array['comment', 'post'],
  'An event that has failed just now waits'
);
select sudo('update outbox_failure set next_attempt_at = now()');
select is(
  (select array_agg(kind order by kind) from api.claim_search_tasks()),
  array['comment', 'group', 'post'], 'And comes again'
);
select api.fail_search_events(event_ids, 'still no good')
from api.claim_search_tasks() where kind = 'group';
select is(
  look('select round(extract(epoch from next_attempt_at - now())) from outbox_failure')::int, 2,
  'Each time it waits twice as long'
);
select api.finish_search_events(event_ids) from api.claim_search_tasks();
select is_empty('select * from api.claim_search_tasks()', 'What is done is not claimed again');
select is(
  (select waiting from api.measure_outbox() where consumer = 'search'), 1::bigint,
  'What is not done is counted'
);

select make_post('other', 'club');
select make_comment('reply', 'other');
select forget_events();
select sudo(format('delete from post where id = %L', the('other')));
select results_eq(
  $$ select kind, id, document ->> 'deleted' from api.claim_search_tasks() order by kind $$,
  $$ values ('comment', the('reply'), 'true'), ('post', the('other'), 'true') $$,
  'What is deleted for good is claimed by that alone, and all that goes with it'
);
select is(
  look($$ select count(stream) from outbox_event where event_type like '%.purged' $$)::int, 0,
  'Members hear nothing of it'
);

select * from finish();
rollback;
