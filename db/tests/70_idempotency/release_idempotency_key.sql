-- Releasing the reservation of a request that was refused. Proves rules 70.4 and 70.6.
begin;
select plan(6);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select from api.reserve_idempotency_key(the('ada'), 'key', 'POST /groups');
select from (values ('bob', 'POST /groups'), ('ada', 'POST /posts')) as others (actor, request)
cross join lateral api.release_idempotency_key(the(actor), 'key', request);
select throws_code(
  $$ select api.reserve_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'PT409', 'idempotency_in_progress', 'Another caller or request does not release a key'
);
select lives_ok(
  $$ select api.release_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'The request that reserved a key releases it'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  'Any request may claim a released key'
);
select from api.store_idempotent_answer(the('ada'), 'key', 201, null, 'made');
select from api.release_idempotency_key(the('ada'), 'key', 'POST /posts');
select results_eq(
  $$ select body from api.claim_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  $$ values ('made') $$, 'A key with an answer is not released'
);
select lives_ok(
  $$ select api.release_idempotency_key(the('ada'), 'unknown', 'POST /groups') $$,
  'Releasing a key that is not reserved changes nothing'
);
select throws_code(
  $$ select api.release_idempotency_key(null, 'key', 'POST /groups') $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);

select * from finish();
rollback;
