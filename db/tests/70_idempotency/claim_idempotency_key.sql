-- Claiming a key: for a new request, or to replay a stored answer. tests/races has the races.
-- Proves rules 70.1, 70.2, 70.3 and 70.8.
begin;
select plan(33);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'A new key has no stored answer'
);
select from api.store_idempotent_answer(the('ada'), 'key', 201, '/groups/1', '{"id": 1}');
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  $$ values (201, '/groups/1', '{"id": 1}') $$, 'A repeated request receives the stored answer'
);
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  'PT409', 'idempotency_key_reused', 'Another request under the same key is refused'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('bob'), 'key', 'POST /posts') $$,
  'The keys of two callers are independent'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'KEY', 'POST /groups') $$,
  'Keys are case-sensitive'
);

-- A refusal rolls the claim back with the effect.
savepoint request;
select from api.claim_idempotency_key(the('ada'), 'refused', 'POST /groups');
rollback to request;
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'refused', 'POST /posts') $$,
  'A rolled-back claim leaves the key free for any request'
);

-- A transaction that stored no answer
select from api.claim_idempotency_key(the('ada'), 'unanswered', 'POST /groups');
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'unanswered', 'POST /posts') $$,
  'PT409', 'idempotency_in_progress', 'Another request cannot claim a key without an answer'
);

-- After 24 hours
select sudo($$
  update idempotency_key set created_at = now() - interval '24 hours' + interval '1 second'
  where key = 'key'
$$);
select isnt_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'An answer is stored for 24 hours'
);
select sudo($$ update idempotency_key set created_at = now() - interval '24 hours' where key = 'key' $$);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /other') $$,
  'After 24 hours any request may claim the key'
);
select from api.store_idempotent_answer(the('ada'), 'key', 200, null, 'again');
select results_eq(
  $$ select status::int, location, body from api.claim_idempotency_key(the('ada'), 'key', 'POST /other') $$,
  $$ values (200, null::text, 'again') $$, 'A key claimed after 24 hours has the new answer'
);
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'PT409', 'idempotency_key_reused', 'A key claimed after 24 hours belongs to the new request'
);

select throws_fields(
  format('select api.claim_idempotency_key(the(''ada''), %L, ''POST /groups'')', key),
  array['Idempotency-Key'], format('%s is not a valid key', left(to_json(key)::text, 10))
)
from unnest(array[
  '', ' ', 'a b', E'a\n', E'a\t', 'é', '👍', E'\u007f', E'\u0001', repeat('x', 256), null
]) as key;
select lives_ok(
  format('select api.claim_idempotency_key(the(''ada''), %L, ''POST /groups'')', key),
  format('%s is a valid key', left(key, 10))
)
from unnest(array[
  'x', '!', '~', '''"\', '01890a5d-ac96-774b-bcce-b302099a8057', repeat('x', 255), '%s', '{}', '../'
]) as key;
select throws_code(
  $$ select api.claim_idempotency_key(null, 'key', 'POST /groups') $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);
select is(
  look($$
    select array_to_string(proconfig, ' ') like '%lock_timeout=100ms%' from pg_proc
    where proname = 'take_idempotency_key'
  $$),
  'true', 'A concurrent request waits 100 ms for the transaction that holds the key'
);

select * from finish();
rollback;
