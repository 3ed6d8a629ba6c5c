-- Keeping the answer of a request whose key was claimed (§3).
begin;
select plan(6);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select throws_code(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 201, null, null) $$, 'PT404', 'not_found',
  'A key that was not claimed keeps no answer'
);
select from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups');
select throws_code(
  $$ select api.store_idempotent_answer(the('bob'), 'key', 201, null, null) $$, 'PT404', 'not_found',
  'Nor does another caller''s'
);
select lives_ok(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 204, null, null) $$,
  'An answer may have neither location nor body'
);
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  $$ values (204, null::text, null::text) $$, 'And is given again as it was'
);
select throws_code(
  $$ select api.store_idempotent_answer(the('ada'), 'key', 500, null, 'oops') $$, 'PT404', 'not_found',
  'An answer that was kept is not replaced'
);
select throws_code(
  $$ select api.store_idempotent_answer(null, 'key', 201, null, null) $$, 'PT401', 'unauthenticated',
  'An anonymous caller keeps nothing'
);

select * from finish();
rollback;
