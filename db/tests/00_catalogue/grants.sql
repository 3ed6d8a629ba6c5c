-- Least privilege: the doors that each role may call, and no rights on tables. Proves rule 66.7.
begin;
select plan(16);

create temporary view roles as
select oid as role from pg_catalog.pg_roles
where rolname in ('communities_service', 'communities_worker', 'communities_job');

create temporary view functions as
select p.oid, p.oid::regprocedure as signature, p.prosecdef, p.proargnames, p.pronamespace, p.proname
from pg_catalog.pg_proc as p
where p.pronamespace in ('api'::regnamespace, 'public'::regnamespace);

select is((select count(*) from roles), 3::bigint, 'The three serving roles exist');
select is_empty(
  $$
    select f.signature
    from functions as f
    join pg_proc as p using (oid)
    cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where a.grantee = 0
  $$,
  'PUBLIC may execute no function'
);
select bag_eq(
  $$
    select signature::text from functions
    where has_function_privilege('communities_service', oid, 'execute')
  $$,
  $$
    select signature::text from functions
    where prosecdef and proargnames[1] = 'p_actor'
      or proname in ('page', 'find_listeners', 'refresh_events')
  $$,
  'The service may execute only the doors with an actor, page() and the functions for listeners'
);
select bag_eq(
  $$
    select signature::text from functions
    where has_function_privilege('communities_job', oid, 'execute')
  $$,
  $$ select signature::text from functions where prosecdef $$,
  'A trusted job may execute all doors and no other function'
);
select bag_eq(
  $$
    select signature::text from functions
    where has_function_privilege('communities_worker', oid, 'execute')
  $$,
  $$
    select signature::text from functions
    where prosecdef and coalesce(proargnames[1], '') not in ('p_actor', 'p_user_id')
  $$,
  'A worker may execute only the doors without an actor or user'
);
select is_empty(
  $$
    select r.role::regrole, c.oid::regclass, t.privilege
    from pg_class as c
    cross join roles as r
    cross join unnest(array[
      'select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'
    ]) as t (privilege)
    where c.relnamespace in ('api'::regnamespace, 'public'::regnamespace)
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_table_privilege(r.role, c.oid, t.privilege)
  $$,
  'A serving role has no right on a table or view'
);
select is_empty(
  $$
    select r.role::regrole, c.oid::regclass
    from pg_class as c
    cross join roles as r
    where c.relnamespace in ('api'::regnamespace, 'public'::regnamespace)
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_any_column_privilege(r.role, c.oid, 'select, insert, update, references')
  $$,
  'A serving role has no right on a column'
);
select is_empty(
  $$
    select r.role::regrole, c.oid::regclass, t.privilege
    from (
      select oid from pg_class
      where relkind = 'S' and relnamespace in ('api'::regnamespace, 'public'::regnamespace)
    ) as c
    cross join roles as r
    cross join unnest(array['usage', 'select', 'update']) as t (privilege)
    where has_sequence_privilege(r.role, c.oid, t.privilege)
  $$,
  'A serving role has no right on a sequence'
);
select is_empty(
  $$
    select r.role::regrole, n.nspname
    from pg_namespace as n cross join roles as r
    where n.nspname !~ '^pg_(toast_)?temp' and has_schema_privilege(r.role, n.oid, 'create')
  $$,
  'A serving role may not create objects in a schema'
);
select is_empty(
  $$
    select c.oid::regclass, a.grantee
    from pg_class as c
    cross join lateral aclexplode(c.relacl) as a
    where c.relnamespace in ('api'::regnamespace, 'public'::regnamespace) and a.grantee = 0
  $$,
  'PUBLIC has no right on a table, view or sequence'
);
select is_empty(
  $$
    select r.rolname from pg_roles as r
    where r.rolname like 'communities\_%'
      and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls)
  $$,
  'No role of the project has an attribute of the cluster'
);
select is_empty(
  $$
    select a.rolname, b.rolname
    from pg_roles as a, pg_roles as b
    where a.rolname in ('communities_service', 'communities_worker', 'communities_job')
      and b.rolname like 'communities\_%' and a.oid <> b.oid
      and pg_has_role(a.oid, b.oid, 'member')
  $$,
  'A serving role is not a member of another role of the project'
);
select is_empty(
  $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace in ('api'::regnamespace, 'public'::regnamespace)
      and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and c.relowner <> 'communities_owner'::regrole
      and c.relname not like 'schema\_migrations%'
  $$,
  'Tables, views and sequences belong to communities_owner'
);
-- pgTAP compares sets in temporary tables, so this database permits them. Its template has the
-- rights that the migrations grant.
create temporary view template as
select oid as database from pg_database
where datname = 'tmpl_' || left(obj_description('api'::regnamespace, 'pg_namespace'), 16);
select is((select count(*) from template), 1::bigint, 'The template of this database exists');
select is_empty(
  $$
    select r.rolname
    from template as t cross join pg_roles as r
    where has_database_privilege(r.oid, t.database, 'temporary')
      and not pg_has_role(r.oid, 'communities_owner', 'member')
      and not pg_has_role(r.oid, 'communities_job', 'member')
  $$,
  'Only the owner and jobs may create temporary objects'
);

set local role communities_service;
select throws_ok(
  'select count(*) from public.post', '42501', null, 'The service cannot read a table'
);
reset role;

select * from finish();
rollback;
