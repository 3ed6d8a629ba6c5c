-- migrate:up

-- PostgreSQL lets every role create temporary objects. Only the owner needs them, for example data.
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant temporary on database %I to communities_owner', current_database());
end
$$;

-- migrate:down

drop schema if exists api cascade;

do $$
begin
  execute format('revoke temporary on database %I from communities_owner', current_database());
  execute format('grant temporary on database %I to public', current_database());
end
$$;
