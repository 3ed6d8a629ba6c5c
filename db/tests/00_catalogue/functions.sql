-- Conventions of every function of api, read from the catalogue.
begin;
select plan(11);

create temporary view functions as
select
  p.*, p.oid::regprocedure as signature,
  coalesce(array_to_string(p.proconfig, E'\n'), '') as settings
from pg_catalog.pg_proc as p
where p.pronamespace = 'api'::regnamespace;

create temporary view doors as
select * from functions where prosecdef;

select cmp_ok(
  (select count(*) from doors), '>=', 40::bigint, 'The tests cover all doors'
);

select is_empty(
  $$
    select signature from functions
    where settings !~ '(^|\n)search_path=[^\n]*, ?pg_temp($|\n)' and prosqlbody is null
  $$,
  'A function pins its search_path, pg_temp last, or is a parsed body'
);
select is_empty(
  $$ select signature from doors where settings !~ '(^|\n)search_path=public, api, pg_temp($|\n)' $$,
  'A door pins its search_path'
);
select is_empty(
  $$ select signature from doors where settings !~ '(^|\n)TimeZone=UTC($|\n)' $$,
  'A door pins the time zone to UTC'
);
select is_empty(
  $$ select signature from functions where proowner <> 'communities_owner'::regrole $$,
  'A function belongs to communities_owner, so that a door has the rights of that role'
);
select is_empty(
  $$
    select signature from functions
    where prorettype <> 'trigger'::regtype
      and exists (select from unnest(proargnames[1:pronargs]) as name where name !~ '^p_[a-z]')
      or cardinality(coalesce(proargnames, '{}')) < pronargs
  $$,
  'An argument has a name that begins with p_'
);
select is_empty(
  $$ select proname from functions group by proname having count(*) > 1 $$,
  'A name has one signature'
);
select is_empty(
  $$
    select signature from functions
    where coalesce(obj_description(oid, 'pg_proc'), '') !~ '\S{3}'
  $$,
  'A function has a comment'
);
select is_empty(
  $$
    select signature from doors
    where prorettype in (
      select t.oid from pg_type as t
      left join pg_class as c on c.reltype = t.oid
      where t.typtype in ('c', 'p') and t.typname <> 'void'
        and (c.relkind is distinct from 'v' or c.relnamespace <> 'api'::regnamespace)
    )
  $$,
  'A door returns a value or a shape, which is a view of api'
);
select is_empty(
  $$
    select signature from doors
    where proargnames[1] = 'p_actor' and proargtypes[0] <> 'uuid'::regtype
  $$,
  'The actor is a uuid'
);
select is_empty(
  $$
    select signature from doors
    where proname like 'list\_%' and proargnames[1] = 'p_actor'
      and not proargnames @> array['p_limit', 'p_before', 'p_after', 'p_lookahead']
  $$,
  'A list for users takes a limit, a cursor in either direction and a lookahead'
);

select * from finish();
rollback;
