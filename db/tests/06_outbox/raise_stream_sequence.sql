-- Raising the stream sequence after a restore from an older backup. Proves rule 06.8.
begin;
select plan(6);

select make_group('club', 'public');
select make_post('first', 'club');
select make_post('second', 'club');
update public.outbox_event set stream = null where aggregate_type <> 'post';
set local role communities_worker;

select left(api.sequence_events()::text, 0);
select left(api.finish_stream_entries(array[min(event_id)])::text, 0) from api.claim_stream_entries();
select lives_ok('select api.raise_stream_sequence(7)', 'The sequence is raised above what the streams have');
select is_empty('select * from api.claim_stream_entries()', 'What was not published waits for a new place');
select is(api.sequence_events(), 1, 'It gets one');
select is(
  (select array_agg(stream_seq) from api.claim_stream_entries()), array[9::bigint],
  'One place is left out, so that readers know that they have missed something'
);
select left(api.raise_stream_sequence(3)::text, 0);
select left(api.sequence_events()::text, 0);
reset role;
select is(
  (select array_agg(stream_seq order by id) from public.outbox_event where stream is not null),
  array[1, 10::bigint], 'What was published keeps its place, and the sequence never goes back'
);
select is(
  has_function_privilege('communities_service', 'api.raise_stream_sequence(bigint)', 'execute'), false,
  'The service does not call it'
);

select * from finish();
rollback;
