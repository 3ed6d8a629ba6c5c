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
  'A task has the current document of the post'
);
select is(
  (select (document ->> 'version')::bigint from api.claim_search_tasks() where kind = 'post'),
  look(format('select version from post where id = %L', the('post')))::bigint,
  'The version of a document is the version of its row'
);
select is(
  (select count(*) from api.claim_search_tasks(p_most => 1)), 1::bigint,
  'A claim has at most p_most events'
);
select api.delete_post(the('owner'), the('post'));
select is(
  (select document::jsonb - 'version' from api.claim_search_tasks() where kind = 'post'),
  jsonb_build_object('kind', 'post', 'id', the('post'), 'deleted', true),
  'The document of a deleted post is a tombstone'
);
select sudo(format('delete from post where id = %L', the('post')));
select is(
  (select document::jsonb - 'version' from api.claim_search_tasks() where kind = 'comment'),
  jsonb_build_object('kind', 'comment', 'id', the('comment'), 'deleted', true),
  'The document of a hard-deleted comment is a tombstone'
);
select ok(
  (select version from api.claim_search_tasks() where kind = 'comment')
    > look('select max(version) from group_entity')::bigint,
  'The tombstone of a hard-deleted row has a version above all assigned ones'
);

-- Failed events are retried with exponential backoff.
select api.fail_search_events(event_ids, 'no good') from api.claim_search_tasks() where kind = 'group';
select is(
  (select array_agg(kind order by kind) from api.claim_search_tasks()), array['comment', 'post'],
  'A failed event is not claimed before its next attempt'
);
select sudo('update outbox_failure set next_attempt_at = now()');
select is(
  (select array_agg(kind order by kind) from api.claim_search_tasks()),
  array['comment', 'group', 'post'], 'A failed event is claimed when its next attempt is due'
);
select api.fail_search_events(event_ids, 'still no good')
from api.claim_search_tasks() where kind = 'group';
select is(
  look('select round(extract(epoch from next_attempt_at - now())) from outbox_failure')::int, 2,
  'The second retry has twice the delay'
);
select api.finish_search_events(event_ids) from api.claim_search_tasks();
select is_empty('select * from api.claim_search_tasks()', 'A finished event is not claimed again');
select is(
  (select waiting from api.measure_outbox() where consumer = 'search'), 1::bigint,
  'measure_outbox() counts an unfinished event'
);

select make_post('other', 'club');
select make_comment('reply', 'other');
select forget_events();
select sudo(format('delete from post where id = %L', the('other')));
select results_eq(
  $$ select kind, id, document ->> 'deleted' from api.claim_search_tasks() order by kind $$,
  $$ values ('comment', the('reply'), 'true'), ('post', the('other'), 'true') $$,
  'A hard delete yields one task for the post and one for each comment'
);
select is(
  look($$ select count(stream) from outbox_event where event_type like '%.purged' $$)::int, 0,
  'Members receive no event about a hard delete'
);

select * from finish();
rollback;
