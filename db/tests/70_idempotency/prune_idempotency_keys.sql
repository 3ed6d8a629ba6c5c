-- Deleting old keys. Proves rule 70.7.
begin;
select plan(7);

select make_user('ada');
select from generate_series(1, 5) as n
cross join lateral api.claim_idempotency_key(the('ada'), 'key-' || n, 'POST /groups');
select sudo($$
  update idempotency_key set created_at = now() - interval '23 hours'
  where actor_id = the('ada') and key = 'key-1'
$$);
select sudo($$
  update idempotency_key set created_at = now() - interval '25 hours'
  where actor_id = the('ada') and key in ('key-2', 'key-3', 'key-4')
$$);
set local role communities_job;

select is(api.prune_idempotency_keys(2), 2, 'A call deletes at most p_most keys');
select is(
  api.prune_idempotency_keys(), 1, 'The next call deletes the remaining keys older than 24 hours'
);
select is(api.prune_idempotency_keys(), 0, 'A further call deletes none');
select is(
  look($$ select string_agg(key, ' ' order by key) from idempotency_key where actor_id = the('ada') $$),
  'key-1 key-5', 'Keys younger than 24 hours remain'
);
reset role;
select is(
  has_function_privilege(role, 'api.prune_idempotency_keys(int)', 'execute'), allowed,
  format('%s may prune: %s', role, allowed)
)
from (values ('communities_job', true), ('communities_service', false), ('communities_worker', true))
  as roles (role, allowed)
order by 1;

select * from finish();
rollback;
