-- migrate:up

-- PostgreSQL lets every role create temporary objects. The owner needs them for example data, and
-- jobs for imports.
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
  execute format(
    'grant temporary on database %I to communities_owner, communities_job', current_database()
  );
end
$$;

-- migrate:down

drop schema if exists api cascade;

do $$
begin
  execute format(
    'revoke temporary on database %I from communities_owner, communities_job', current_database()
  );
  execute format('grant temporary on database %I to public', current_database());
end
$$;
