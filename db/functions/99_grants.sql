-- Grants: a role may only call doors, which run with the rights of their owner. The service calls
-- the doors that take an actor, and workers those that maintain the database. Trusted jobs call all
-- doors; only they call those that take a user (rule 66.7).

do $$
declare
  v_door record;
begin
  revoke all on all functions in schema api from public;
  grant usage on schema api to communities_service, communities_worker, communities_job;
  for v_door in
    select
      p.oid::regprocedure as signature,
      case coalesce(p.proargnames[1], '')
        when 'p_actor' then 'communities_service'
        when 'p_user_id' then 'communities_job'
        else 'communities_worker'
      end as role
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'api'::regnamespace and p.prosecdef
  loop
    execute format('grant execute on function %s to communities_job', v_door.signature);
    execute format('grant execute on function %s to %I', v_door.signature, v_door.role);
  end loop;
end
$$;

-- Builds a page from rows that the caller already has.
grant execute on function api.page(int, boolean, json[], api.page_key[], json)
  to communities_service;

-- Socket servers pass many users and events in one call, without an actor.
grant execute on function api.find_listeners(text, uuid[], uuid[]) to communities_service;
grant execute on function api.refresh_events(json) to communities_service;
