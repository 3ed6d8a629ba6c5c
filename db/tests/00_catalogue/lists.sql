-- Lists for users: each refuses invalid limits and cursors with the same errors.
-- Proves rules 02.14 and 02.17.
begin;

select make_group('club');
select make_post('post', 'club', 'owner');
select remember('batch', b.id)
from api.remove_content(the('owner'), the('club'), 'spam', p_ids => '{}') as b;

-- The call of each list as the group's owner, without its closing parenthesis.
create temporary view lists as
select
  p.proname as name,
  format('select * from api.%I(%s', p.proname, string_agg(
    format('p_%s => %L, ', argument, case argument
      when 'subject_type' then 'post'
      when 'subject_id' then the('post')::text
      when 'post_id' then the('post')::text
      when 'group_id' then the('club')::text
      when 'batch_id' then the('batch')::text
      when 'actor' then the('owner')::text
    end), ''
  )) as call
from pg_catalog.pg_proc as p
cross join unnest(p.proargnames[1:p.pronargs - p.pronargdefaults]) as name
cross join substr(name, 3) as argument
where p.pronamespace = 'api'::regnamespace and p.proname like 'list\_%' and p.prosecdef
  and p.proargnames[1] = 'p_actor'
group by p.oid, p.proname;

create temporary view limits as
select unnest(array['0', '-1', '101', '2147483647', '-2147483648', 'null']) as size;

create temporary view cursors as
select unnest(array['''''', '''x''', quote_literal(repeat('A', 86))]) as bad;

select plan(
  1 + (select count(*) from lists)::int
  * (2 + (select count(*) from limits) + 2 * (select count(*) from cursors))::int
);

select cmp_ok((select count(*) from lists), '>=', 12::bigint, 'The tests cover all lists');
select is(
  outcome(call || 'p_limit => 100, p_before => null, p_after => null, p_lookahead => true)'), 'ok',
  format('%s() accepts a limit of 100 without a cursor', name)
)
from lists;
select throws_fields(
  format('%sp_limit => %s, p_lookahead => true)', call, size), array['limit'],
  format('%s() refuses a limit of %s', name, size)
)
from lists cross join limits;
select throws_code(
  format('%sp_%s => %s)', call, direction, bad), 'PT400', 'invalid_cursor',
  format('%s() refuses %s as the cursor %s', name, bad, direction)
)
from lists cross join cursors cross join unnest(array['before', 'after']) as direction;
select throws_fields(
  call || 'p_limit => 0, p_before => ''x'', p_after => ''x'')', array['before', 'limit'],
  format('%s() reports two cursors and a bad limit in one error', name)
)
from lists;

select * from finish();
rollback;
