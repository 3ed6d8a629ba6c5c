-- migrate:up

-- Roles belong to the cluster, not to this database: they are made once, and no rollback takes them
-- away from the cluster's other databases. Nobody logs in as one of them unless an operator says so.
do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'communities_owner', 'communities_service', 'communities_worker', 'communities_job'
  ] loop
    begin
      if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
        execute format('create role %I nologin', v_role);
      end if;
    exception when duplicate_object or unique_violation then
      null; -- another database of this cluster was migrated at the same moment
    end;
    if not pg_catalog.pg_has_role(current_user, v_role, 'set') then
      execute format('grant %I to %I', v_role, current_user);
    end if;
  end loop;
end
$$;

grant usage, create on schema public to communities_owner;
revoke create on schema public from public;

-- migrate:down

revoke create on schema public from communities_owner;
