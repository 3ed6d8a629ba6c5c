-- Logins of a deployment, each with the least rights that it needs. Run this as a superuser, in the
-- database that is to hold Communities, before the first `migrate`:
--
--     MIGRATOR_PASSWORD=… API_PASSWORD=… WORKERS_PASSWORD=… psql -f ops/postgres/logins.sql
--
-- A second run changes the passwords and restores the rights.

\set ON_ERROR_STOP on
\getenv migrator_password MIGRATOR_PASSWORD
\getenv api_password API_PASSWORD
\getenv workers_password WORKERS_PASSWORD

begin;
set local client_min_messages = warning;

-- These roles cannot log in; the logins are members of them.
select format('create role %I nologin', role)
from unnest(array[
  'communities_owner', 'communities_service', 'communities_worker', 'communities_job'
]) as role
where role not in (select rolname from pg_roles)
\gexec
select format('create role %I login', role)
from unnest(array['communities_migrator', 'communities_api', 'communities_workers']) as role
where role not in (select rolname from pg_roles)
\gexec

-- Changes tables and functions. Owns the database, and is no superuser.
alter role communities_migrator password :'migrator_password';
grant communities_owner, communities_service, communities_worker, communities_job
  to communities_migrator;
select format('alter database %I owner to communities_migrator', current_database()) \gexec
-- The list of migrations, where a superuser applied the first of them.
select 'alter table public.schema_migrations owner to communities_migrator'
where to_regclass('public.schema_migrations') is not null
\gexec

-- Serves users: may execute the functions that take an actor, and touch no table.
alter role communities_api noinherit password :'api_password';
grant communities_service to communities_api;
-- The service sets these for each session. Behind a pooler in transaction mode, sessions are shared:
-- there each connection needs them from its start.
alter role communities_api set role = 'communities_service';
alter role communities_api set timezone = 'UTC';
alter role communities_api set statement_timeout = '10s';
alter role communities_api set idle_in_transaction_session_timeout = '10s';

-- Delivers events and cleans up: may execute the maintenance functions, and touch no table.
alter role communities_workers noinherit password :'workers_password';
grant communities_worker to communities_workers;

-- Only these logins connect. The owner creates temporary objects for `seed`, and jobs for imports.
select format('revoke all on database %I from public', current_database()) \gexec
select format('grant connect on database %I to communities_api, communities_workers', current_database())
\gexec
select format(
  'grant temporary on database %I to communities_owner, communities_job', current_database()
) \gexec

commit;
