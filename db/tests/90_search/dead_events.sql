-- Dead events: listed, replayed and discarded. Proves rules 90.10 and 90.13.
begin;
select plan(13);

select forget_events();
select make_group('club');
select make_post('post', 'club');
set local role communities_job;

create function pg_temp.fail_post(p_times int) returns void
language plpgsql as $$
begin
  for v_nr in 1..p_times loop
    perform sudo('update outbox_failure set next_attempt_at = now()');
    perform api.fail_search_events(event_ids, 'refused ' || v_nr)
    from api.claim_search_tasks() where kind = 'post';
  end loop;
end
$$;

select pg_temp.fail_post(4);
select is_empty(
  $$ select * from api.list_dead_events('search') $$, 'An event is not dead after four failures'
);
select sudo('delete from outbox_failure');
select pg_temp.fail_post(5);
select results_eq(
  $$ select type, subject_id, attempts, error, dead_at from api.list_dead_events('search') $$,
  $$ values ('post.created', the('post'), 5, 'refused 5', now()) $$,
  'An event is dead after five failures, with its last error'
);
select is(
  (select (dead, waiting)::text from api.measure_outbox() where consumer = 'search'), '(1,1)',
  'Dead events are counted separately'
);
select sudo('update outbox_failure set next_attempt_at = now()');
select is(
  (select array_agg(kind) from api.claim_search_tasks()), array['group'],
  'A dead event is not claimed'
);
select is_empty(
  $$ select * from api.list_dead_events('streams') $$, 'An event is dead only for one consumer'
);
select is(
  api.replay_dead_events('search', array[0::bigint]), 0,
  'A replay with ids replays only these events'
);
select is(api.replay_dead_events('search'), 1, 'A replay without ids replays all dead events');
select is(
  (select count(*) from api.claim_search_tasks()), 2::bigint, 'A replayed event is claimed again'
);
select pg_temp.fail_post(5);
select is(
  (select api.discard_dead_events('search', array_agg(id)) from api.list_dead_events('search')), 1,
  'A discard returns the number of discarded events'
);
select is(
  (select array_agg(kind) from api.claim_search_tasks()), array['group'],
  'A discarded event is not claimed again'
);
select throws_fields(
  format('select api.%s(''mail'')', door), array['consumer'],
  format('%s() refuses an unknown consumer', door)
)
from unnest(array['list_dead_events', 'replay_dead_events', 'discard_dead_events']) as door;

select * from finish();
rollback;
