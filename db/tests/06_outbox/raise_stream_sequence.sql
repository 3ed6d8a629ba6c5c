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
select lives_ok(
  'select api.raise_stream_sequence(7)', 'The sequence is raised above the last id in the streams'
);
select is_empty(
  'select * from api.claim_stream_entries()', 'An unpublished event loses its position'
);
select is(api.sequence_events(), 1, 'An unpublished event receives a new position');
select is(
  (select array_agg(stream_seq) from api.claim_stream_entries()), array[9::bigint],
  'The sequence skips one position, so that readers detect the loss'
);
select left(api.raise_stream_sequence(3)::text, 0);
select left(api.sequence_events()::text, 0);
reset role;
select is(
  (select array_agg(stream_seq order by id) from public.outbox_event where stream is not null),
  array[1, 10::bigint], 'A published event keeps its position, and the sequence never decreases'
);
select is(
  has_function_privilege('communities_service', 'api.raise_stream_sequence(bigint)', 'execute'), false,
  'The service may not raise the sequence'
);

select * from finish();
rollback;
