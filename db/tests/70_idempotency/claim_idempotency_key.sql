-- Whether a request is new, or was answered before (§3). Races are in the tests with connections.
begin;
select plan(32);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'A key that is new has no answer, and the request may be made'
);
select from api.store_idempotent_answer(the('ada'), 'key', 201, '/groups/1', '{"id": 1}');
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  $$ values (201, '/groups/1', '{"id": 1}') $$, 'The same request again has the same answer'
);
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  'PT409', 'idempotency_key_reused', 'Another request with the same key is refused'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('bob'), 'key', 'POST /posts') $$,
  'Another caller''s key is another key'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'KEY', 'POST /groups') $$,
  'A key is taken as it is written'
);

-- A refusal takes the claim back with the effect.
savepoint request;
select from api.claim_idempotency_key(the('ada'), 'refused', 'POST /groups');
rollback to request;
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'refused', 'POST /posts') $$,
  'A refusal leaves the key free, for another request too'
);

-- After 24 hours
select sudo($$
  update idempotency_key set created_at = now() - interval '24 hours' + interval '1 second'
  where key = 'key'
$$);
select isnt_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'An answer is kept for 24 hours'
);
select sudo($$ update idempotency_key set created_at = now() - interval '24 hours' where key = 'key' $$);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /other') $$,
  'And no longer: then the key is new, for another request too'
);
select from api.store_idempotent_answer(the('ada'), 'key', 200, null, 'again');
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /other') $$,
  $$ values (200, null::text, 'again') $$, 'And has the new answer'
);
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'PT409', 'idempotency_key_reused', 'And belongs to the new request'
);

select throws_fields(
  format('select api.claim_idempotency_key(the(''ada''), %L, ''POST /groups'')', key),
  array['Idempotency-Key'], format('%s is no key', left(to_json(key)::text, 10))
)
from unnest(array[
  '', ' ', 'a b', E'a\n', E'a\t', 'é', '👍', E'\u007f', E'\u0001', repeat('x', 256), null
]) as key;
select lives_ok(
  format('select api.claim_idempotency_key(the(''ada''), %L, ''POST /groups'')', key),
  format('%s is a key', left(key, 10))
)
from unnest(array[
  'x', '!', '~', '''"\', '01890a5d-ac96-774b-bcce-b302099a8057', repeat('x', 255), '%s', '{}', '../'
]) as key;
select throws_code(
  $$ select api.claim_idempotency_key(null, 'key', 'POST /groups') $$, 'PT401', 'unauthenticated',
  'An anonymous caller has no keys'
);
select is(
  look($$
    select array_to_string(proconfig, ' ') like '%lock_timeout=100ms%' from pg_proc
    where proname = 'claim_idempotency_key'
  $$),
  'true', 'Whoever comes second waits for the first, but not for long'
);

select * from finish();
rollback;
