-- Conventions of every table, view, type and trigger, read from the catalogue.
begin;
select plan(13);

create temporary view relations as
select
  c.*, c.oid::regclass as name, n.nspname,
  obj_description(c.oid, 'pg_class') as comment
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('api', 'public') and c.relname not like 'schema\_migrations%';

create temporary view triggers as
select t.*, c.relname, p.proname, n.nspname as function_schema
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where not t.tgisinternal and c.relnamespace = 'public'::regnamespace;

select is_empty(
  $$ select name from relations where relkind in ('r', 'p', 'v', 'm') and comment is null $$,
  'Every table and view has a comment'
);
select is_empty(
  $$
    select t.typname from pg_type as t
    left join relations as r on r.oid = t.typrelid
    where t.typnamespace = 'api'::regnamespace
      and (t.typrelid = 0 and t.typelem = 0 or r.relkind = 'c')
      and obj_description(t.oid, 'pg_type') is null
  $$,
  'Every type has a comment'
);
select is_empty(
  $$ select name from relations where nspname = 'api' and relkind not in ('v', 'c') $$,
  'The schema api has no table, index or sequence'
);
select is_empty(
  $$ select name from relations where nspname = 'public' and relkind not in ('r', 'i', 'S') $$,
  'The schema public has only tables, indexes and sequences'
);
select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.proname <> 'uuid_v7'
  $$,
  'The schema public has one function, uuid_v7()'
);
select is_empty(
  $$
    select pg_describe_object(d.classid, d.objid, d.objsubid)
    from pg_depend as d
    cross join lateral pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) as needed
    cross join lateral pg_identify_object(d.classid, d.objid, d.objsubid) as object
    where (needed.schema = 'api' or needed.type = 'schema' and needed.identity = 'api')
      and object.schema is distinct from 'api'
      and object.type not in ('trigger', 'rule', 'default acl')
      and object.identity !~ '(^| on )api\.'
  $$,
  'No durable object depends on api, except for triggers'
);
select is_empty(
  $$ select tgname, relname from triggers where tgname !~ ('^tg_' || relname || '__[a-z]') $$,
  'A trigger is named tg_<table>__<task>'
);
select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'api'::regnamespace
      and (p.prorettype = 'trigger'::regtype) <> (p.proname ~ '^tg_[a-z_]+__[a-z]')
  $$,
  'Only trigger functions are named tg_<table>__<task>'
);
select is_empty(
  $$
    select tgname, proname from triggers
    where function_schema <> 'api'
      or split_part(tgname, '__', 2) <> split_part(proname, '__', 2)
        and split_part(tgname, '__', 1) <> split_part(proname, '__', 1)
  $$,
  'A trigger runs a function of api that has the name of its table or of its task'
);
select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'api'::regnamespace and p.prorettype = 'trigger'::regtype
      and p.oid not in (select tgfoid from triggers)
  $$,
  'A trigger function has a trigger'
);
select is_empty(
  $$ select tgname from triggers where tgenabled <> 'O' $$,
  'A trigger is enabled'
);
select is_empty(
  $$
    select r.name from relations as r
    where r.nspname = 'public' and r.relkind = 'r'
      and not exists (
        select from pg_index as i where i.indrelid = r.oid and i.indisprimary
      )
  $$,
  'A table has a primary key'
);
select is_empty(
  $$
    select r.name, a.attname from relations as r
    join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    where r.nspname = 'public' and r.relkind = 'r' and a.atttypid = 'timestamp'::regtype
  $$,
  'A time is a timestamptz'
);

select * from finish();
rollback;
