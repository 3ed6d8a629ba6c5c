-- Anonymous callers and every door that writes: each call has null arguments only.
-- Proves rules 04.13 and 04.16.
begin;
create temporary view write_doors as
select
  p.proname as name,
  format(
    'select * from api.%I(%s)', p.proname,
    (select string_agg(format('null::%s', t::regtype), ', ' order by n)
     from unnest(p.proargtypes) with ordinality as a (t, n))
  ) as call
from pg_catalog.pg_proc as p
where p.pronamespace = 'api'::regnamespace and p.prosecdef and p.provolatile = 'v'
  and p.proargnames[1] = 'p_actor';

select plan(1 + (select count(*) from write_doors)::int);

select cmp_ok(
  (select count(*) from write_doors), '>=', 30::bigint, 'The tests cover all write doors'
);

select throws_code(
  call, 'PT401', 'unauthenticated', format('An anonymous caller is refused by %s()', name)
)
from write_doors order by name;

select * from finish();
rollback;
