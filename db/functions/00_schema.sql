-- The replaceable schema: these files, in the order of their names, are all of it. `make migrate`
-- runs them in one transaction whenever one of them has changed; nothing durable depends on api.

drop schema if exists api cascade;
create schema api authorization communities_owner;
set local role communities_owner;
set local plpgsql.extra_errors = 'shadowed_variables';
