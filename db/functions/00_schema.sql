-- Schema api: the replaceable part of the database. `make migrate` runs the files of this folder in
-- the order of their names, in one transaction, whenever one of them has changed. Nothing durable
-- depends on api.

drop schema if exists api cascade;
create schema api authorization communities_owner;
set local role communities_owner;
set local plpgsql.extra_errors = 'shadowed_variables';
