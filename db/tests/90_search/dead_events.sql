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
select is_empty($$ select * from api.list_dead_events('search') $$, 'Four failures are no death');
select sudo('delete from outbox_failure');
select pg_temp.fail_post(5);
select results_eq(
  $$ select type, subject_id, attempts, error, dead_at from api.list_dead_events('search') $$,
  $$ values ('post.created', the('post'), 5, 'refused 5', now()) $$,
  'The fifth is, and its error is kept'
);
select is(
  (select (dead, waiting)::text from api.measure_outbox() where consumer = 'search'), '(1,1)',
  'The dead are counted apart'
);
select sudo('update outbox_failure set next_attempt_at = now()');
select is(
  (select array_agg(kind) from api.claim_search_tasks()), array['group'], 'Nobody claims a dead event'
);
select is_empty($$ select * from api.list_dead_events('streams') $$, 'It is dead for search alone');
select is(api.replay_dead_events('search', array[0::bigint]), 0, 'Only the named ones are given again');
select is(api.replay_dead_events('search'), 1, 'Without names all are');
select is(
  (select count(*) from api.claim_search_tasks()), 2::bigint, 'What is given again is claimed again'
);
select pg_temp.fail_post(5);
select is(
  (select api.discard_dead_events('search', array_agg(id)) from api.list_dead_events('search')), 1,
  'What is discarded'
);
select is(
  (select array_agg(kind) from api.claim_search_tasks()), array['group'], 'Is never claimed again'
);
select throws_fields(
  format('select api.%s(''mail'')', door), array['consumer'],
  format('%s() takes one of the consumers', door)
)
from unnest(array['list_dead_events', 'replay_dead_events', 'discard_dead_events']) as door;

select * from finish();
rollback;
