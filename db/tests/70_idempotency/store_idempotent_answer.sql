-- Storing the answer of a request whose key is claimed. Proves rules 70.1 and 70.9.
begin;
select plan(6);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select throws_code(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 201, null, null) $$, 'PT404', 'not_found',
  'Storing an answer for an unclaimed key is refused'
);
select from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups');
select throws_code(
  $$ select api.store_idempotent_answer(the('bob'), 'key', 201, null, null) $$, 'PT404', 'not_found',
  'Storing an answer for the key of another caller is refused'
);
select lives_ok(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 204, null, null) $$,
  'An answer may have neither location nor body'
);
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  $$ values (204, null::text, null::text) $$, 'The stored answer is returned unchanged'
);
select throws_code(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 500, null, 'oops') $$, 'PT404', 'not_found',
  'A stored answer is not replaced'
);
select throws_code(
  $$ select api.store_idempotent_answer(null, 'key', 201, null, null) $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);

select * from finish();
rollback;
