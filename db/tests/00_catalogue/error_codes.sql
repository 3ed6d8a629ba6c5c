-- Registry of error codes, compared with the codes that functions raise.
-- Proves rules 01.1, 01.3 and 01.6.
begin;
select plan(8);

create temporary view raised as
select p.oid::regprocedure as signature, m[1] as code
from pg_catalog.pg_proc as p
cross join lateral regexp_matches(
  coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), '\mfail\(\s*''([^'']*)''', 'g'
) as m
where p.pronamespace = 'api'::regnamespace;

select cmp_ok(
  (select count(*) from raised), '>=', 30::bigint, 'The tests cover all errors that functions raise'
);
select is_empty(
  $$ select signature, code from raised where code not in (select code from api.error_codes) $$,
  'A raised code is registered'
);
select is_empty(
  $$ select code from api.constraint_codes where code not in (select code from api.error_codes) $$,
  'The code of a constraint is registered'
);
select is_empty(
  $$
    select constraint_name from api.constraint_codes
    where constraint_name not in (
      select conname from pg_constraint where connamespace = 'public'::regnamespace
      union
      select c.relname from pg_index as i join pg_class as c on c.oid = i.indexrelid
      where i.indisunique and c.relnamespace = 'public'::regnamespace
    )
  $$,
  'A registered constraint exists'
);
select is_empty(
  $$ select code from api.error_codes group by code having count(*) > 1 $$,
  'A code is registered once'
);
select is_empty(
  $$
    select code from api.error_codes
    where code !~ '^[a-z_]+$' or status not between 400 and 599 or title !~ '\.$'
  $$,
  'A code has lower-case letters, an HTTP status and a title'
);
select results_eq(
  $$
    select status, string_agg(code, ' ' order by code collate "C")
    from api.error_codes group by status order by status
  $$,
  $$
    values
      (400, 'invalid_cursor invalid_json validation_failed'),
      (401, 'unauthenticated'),
      (403, 'banned forbidden group_locked muted'),
      (404, 'not_found'),
      (405, 'method_not_allowed'),
      (409, 'already_member duplicate_reaction duplicate_tag idempotency_in_progress '
        || 'idempotency_key_reused last_owner parent_deleted slug_taken too_many_emoji'),
      (413, 'body_too_large'),
      (415, 'unsupported_media_type'),
      (422, 'attachment_limit attachment_mismatch mime_not_allowed'),
      (429, 'rate_limited too_many_uploads'),
      (503, 'unavailable')
  $$,
  'The registry holds the codes of the contract, each with its status'
);
select is_empty(
  $$
    select signature, word
    from (
      select p.oid::regprocedure as signature, m[1] as word
      from pg_proc as p
      cross join lateral regexp_matches(
        substring(obj_description(p.oid, 'pg_proc') from 'Raises[^.]*'), '\m([a-z]+_[a-z_]+)\M', 'g'
      ) as m
      where p.pronamespace = 'api'::regnamespace
    ) as named
    where word not in (select code from api.error_codes) and word not like 'p\_%'
  $$,
  'An error in the comment of a function is registered'
);

select * from finish();
rollback;
