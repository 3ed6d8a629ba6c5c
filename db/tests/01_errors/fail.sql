-- Errors as clients of PostgreSQL receive them. Proves rules 01.2, 01.3, 01.4 and 01.5.
begin;
select plan(10);

create function pg_temp.caught(p_sql text) returns json language plpgsql as $$
declare
  v_state text; v_message text; v_hint text; v_detail text;
begin
  execute p_sql;
  return null;
exception when others then
  get stacked diagnostics
    v_state = returned_sqlstate, v_message = message_text, v_hint = pg_exception_hint,
    v_detail = pg_exception_detail;
  return json_build_object('state', v_state, 'message', v_message, 'hint', v_hint,
    'detail', v_detail::json);
end
$$;

select throws_code(
  format('select api.fail(%L)', code), 'PT' || status, code,
  'An error has PT and its HTTP status as SQLSTATE, and its code as HINT'
)
from api.error_codes where code in ('slug_taken', 'unavailable');
select is(
  (select count(*) from api.error_codes
   where outcome(format('select api.fail(%L)', code)) <> code),
  0::bigint, 'Every registered code can be raised'
);
select is(
  pg_temp.caught($$ select api.fail('not_found') $$) ->> 'message', 'Not found.',
  'The message is the title of the code by default'
);
select is(
  pg_temp.caught($$ select api.fail('not_found') $$) #>> '{detail,errors}', '[]',
  'The DETAIL is JSON with no field errors by default'
);
select is(
  pg_temp.caught(
    $$
      select api.reject_invalid(
        null, api.field_error('name', 'is required'), null, api.field_error('slug', 'is malformed')
      )
    $$
  )::jsonb #>> '{detail,errors,1}',
  '{"field": "slug", "message": "is malformed"}',
  'A validation error names every invalid field'
);
select throws_retry(
  $$ select api.fail('rate_limited', p_retry_after_seconds => 7) $$, 'rate_limited', 7,
  'The DETAIL has the seconds until a retry'
);
select lives_ok(
  'select api.reject_invalid(null, null)', 'Valid fields raise no error'
);
select throws_ok(
  $$ select api.fail('no_such_code') $$, 'P0002', null,
  'Raising an unregistered code fails with no_data_found'
);
select throws_code(
  $$ select api.fail_constraint('group_entity_slug_key') $$, 'PT409', 'slug_taken',
  'A violated constraint raises its code'
);

select * from finish();
rollback;
