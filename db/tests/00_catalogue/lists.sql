-- Every list for users takes any number for a limit and answers with an error of the contract, not of PostgreSQL.
begin;

create temporary view lists as
select
  p.proname as name,
  (select string_agg(format('null::%s, ', t::regtype), '' order by n)
   from unnest(p.proargtypes) with ordinality as a (t, n)
   where n <= p.pronargs - p.pronargdefaults) as required
from pg_catalog.pg_proc as p
where p.pronamespace = 'api'::regnamespace and p.proname like 'list\_%' and p.prosecdef
  and p.proargnames[1] = 'p_actor';

select plan(1 + 2 * count(*)::int) from lists;

select cmp_ok((select count(*) from lists), '>=', 9::bigint, 'These are all the lists');
select isnt(
  outcome(format('select * from api.%I(%s p_limit => %s, p_lookahead => true)', name, required, size)),
  '22003', format('%s() takes a limit of %s for what it is', name, size)
)
from lists cross join unnest(array['2147483647', '-2147483648']) as size
order by name, size;

select * from finish();
rollback;
