-- Reserving a key while a request prepares its transaction. Proves rule 70.6.
begin;
select plan(15);

select make_user('ada');
select make_user('bob');
set local role communities_job;

select is_empty(
  $$ select * from api.reserve_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'A new key is reserved'
);
select throws_code(
  format('select api.reserve_idempotency_key(the(''ada''), ''key'', %L)', request),
  'PT409', 'idempotency_in_progress', format('A reserved key is refused to %s', request)
)
from unnest(array['POST /groups', 'POST /posts']) as request;
select throws_retry(
  $$ select api.reserve_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'idempotency_in_progress', 1, 'The error has the seconds until a retry'
);
select is_empty(
  $$ select * from api.reserve_idempotency_key(the('bob'), 'key', 'POST /groups') $$,
  'The keys of two callers are independent'
);
select throws_code(
  $$ select api.claim_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  'PT409', 'idempotency_in_progress', 'Another request cannot claim a reserved key'
);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  'The request that reserved a key claims it'
);
select from api.store_idempotent_answer(the('ada'), 'key', 201, null, '{"id": 1}');
select results_eq(
  $$ select status::int, body from api.reserve_idempotency_key(the('ada'), 'key', 'POST /groups') $$,
  $$ values (201, '{"id": 1}') $$, 'A repeated request receives the stored answer'
);
select throws_code(
  $$ select api.reserve_idempotency_key(the('ada'), 'key', 'POST /posts') $$,
  'PT409', 'idempotency_key_reused', 'Another request under the same key is refused'
);

-- A holder that was killed
select from api.reserve_idempotency_key(the('ada'), 'killed', 'POST /groups');
select is(
  look($$ select reserved_until - now() from idempotency_key where key = 'killed' $$), '00:00:10',
  'A reservation expires after ten seconds'
);
select sudo($$ update idempotency_key set reserved_until = now() where key = 'killed' $$);
select is_empty(
  $$ select * from api.reserve_idempotency_key(the('ada'), 'killed', 'POST /posts') $$,
  'Any request may take over an expired reservation'
);
select sudo($$ update idempotency_key set reserved_until = now() where key = 'killed' $$);
select is_empty(
  $$ select * from api.claim_idempotency_key(the('ada'), 'killed', 'POST /posts') $$,
  'A request whose reservation has expired may still claim the key'
);

select throws_fields(
  $$ select api.reserve_idempotency_key(the('ada'), 'a b', 'POST /groups') $$,
  array['Idempotency-Key'], 'An invalid key is refused'
);
select throws_code(
  $$ select api.reserve_idempotency_key(null, 'key', 'POST /groups') $$, 'PT401', 'unauthenticated',
  'An anonymous caller is refused'
);
select is(
  look($$ select count(*) from idempotency_key where actor_id = the('ada') $$), '2',
  'A key has one row'
);

select * from finish();
rollback;
