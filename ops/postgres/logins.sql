-- The logins of a deployment, each with the least that it needs. Run once, by a superuser, in the
-- database that is to hold Communities, before the first `migrate`:
--
--     MIGRATOR_PASSWORD=… API_PASSWORD=… WORKERS_PASSWORD=… psql -f ops/postgres/logins.sql

\set ON_ERROR_STOP on
\getenv migrator_password MIGRATOR_PASSWORD
\getenv api_password API_PASSWORD
\getenv workers_password WORKERS_PASSWORD

begin;

-- Nobody logs in as one of these: they are what the others may be.
create role communities_owner nologin;
create role communities_service nologin;
create role communities_worker nologin;
create role communities_job nologin;

-- Changes tables and functions. Owns the database, and is no superuser.
create role communities_migrator login password :'migrator_password';
grant communities_owner, communities_service, communities_worker, communities_job
  to communities_migrator;
select format('alter database %I owner to communities_migrator', current_database()) \gexec

-- Serves users: may execute the functions that take an actor, and touch no table.
create role communities_api login noinherit password :'api_password';
grant communities_service to communities_api;
-- What the service says for its session, each of its connections has from the beginning: behind a
-- pooler that pools by transaction, a session is nobody's own.
alter role communities_api set role = 'communities_service';
alter role communities_api set timezone = 'UTC';
alter role communities_api set statement_timeout = '10s';
alter role communities_api set idle_in_transaction_session_timeout = '10s';

-- Carries events on and keeps house: may execute what maintains, and touch no table.
create role communities_workers login noinherit password :'workers_password';
grant communities_worker to communities_workers;

select format('revoke all on database %I from public', current_database()) \gexec
select format('grant connect on database %I to communities_api, communities_workers', current_database())
\gexec

commit;
