-- Lint: no function depends on features that sharding would break (advisory locks, isolation
-- levels, snapshots, the arrival of a NOTIFY), and all follow the conventions. Proves rules 01.6,
-- 02.13, 07.2, 07.3 and 80.2.
begin;
select plan(12);

create temporary view sources as
select
  p.oid::regprocedure::text as name, p.proname,
  p.prosecdef and p.proargnames[1] = 'p_actor' and p.proname like 'list\_%' as is_list,
  lower(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) as source
from pg_catalog.pg_proc as p
where p.pronamespace in ('api'::regnamespace, 'public'::regnamespace)
union all
select c.oid::regclass::text, c.relname, false, lower(pg_get_viewdef(c.oid))
from pg_catalog.pg_class as c
where c.relnamespace = 'api'::regnamespace and c.relkind = 'v';

select is_empty(
  $$ select name from sources where source like '%pg\_%advisory%' $$,
  'No function takes an advisory lock'
);
select is_empty(
  $$ select name from sources where source ~ 'serializable|transaction isolation' $$,
  'No function depends on the isolation level'
);
select is_empty(
  $$
    select name from sources
    where source ~ 'txid_|pg_current_xact|pg_current_snapshot|pg_snapshot|pg_visible_in|\mx(min|max)\M'
  $$,
  'No function depends on snapshots or transaction ids'
);
select is_empty(
  $$ select name from sources where source ~ '\mlisten\M' $$, 'No function executes LISTEN'
);
select is_empty(
  $$ select name from sources where source like '%pg_notify%' and source ~ '\mnotify\M.*\mloop\M' $$,
  'No function waits for a notification'
);
select is_empty(
  $$ select name from sources where source ~ 'greatest\s*\(\s*0|greatest\s*\([^)]*,\s*0\s*\)' $$,
  'No function hides the drift of a counter with greatest()'
);
select is_empty(
  $$ select name from sources where source ~ '\mexecute\s+(format|''|\w+\s*\|\|)' $$,
  'No function builds SQL from text'
);
select is_empty(
  $$ select name from sources where source ~ '\mraise\s+exception\M' and proname not in (
    'fail', 'tg_audit_log__append_only'
  ) $$,
  'A function raises errors only through fail()'
);
select is_empty(
  $$
    select name from sources
    where proname !~ '^lock_'
      and regexp_replace(source, 'for (no key )?update( of \w+)? skip locked', '', 'g')
        ~ '\mfor (update|no key update|share|key share)\M'
  $$,
  'Only lock_ functions take explicit row locks, apart from claims with SKIP LOCKED'
);
select is_empty(
  $$
    select name from sources
    where is_list
      and source !~ 'parse_page\(\s*p_before, p_after, p_limit, p_lookahead, (true|false)'
  $$,
  'A list checks its cursors and its limit with parse_page()'
);
select is_empty(
  $$
    select name from sources
    where source ~ 'max_rows' and proname <> 'parse_page'
      and (
        source !~ 'limit [vp]_page\.max_rows'
        or source !~ 'order by (\w+)\.created_at( desc)?, \1\.id( desc)?;'
      )
  $$,
  'A page is limited, and ordered by (created_at, id)'
);
select is_empty(
  $$
    select c.oid::regclass
    from pg_class as c
    join pg_proc as p on p.prorettype = c.reltype and p.proretset
    where p.pronamespace = 'api'::regnamespace and p.proname like 'list\_%'
      and (
        select count(*) from pg_attribute as a
        where a.attrelid = c.oid and a.attname in ('created_at', 'id')
      ) <> 2
  $$,
  'A listed shape has created_at and id, which cursors encode'
);

select * from finish();
rollback;
