-- Pages of lists: their start, their direction and their cursor.
-- Proves rules 02.14, 02.15, 02.17 and 02.18.
begin;
select plan(34);

create function pg_temp.key(p_nr int) returns api.page_key language sql as $$
  select (
    '2026-01-01 00:00:00+00'::timestamptz + p_nr * interval '1 second',
    lpad(p_nr::text, 32, '0')::uuid
  )::api.page_key
$$;
create function pg_temp.cursor(p_nr int) returns text language sql as $$
  select api.cursor_of((pg_temp.key(p_nr)).created_at, (pg_temp.key(p_nr)).id)
$$;
create function pg_temp.request(p_nr int, p_is_ascending boolean, p_max_rows int)
returns api.page_request language sql as $$
  select (
    (pg_temp.key(p_nr)).created_at, (pg_temp.key(p_nr)).id, p_is_ascending, p_max_rows
  )::api.page_request
$$;
-- Returns page() of rows with these numbers, in the order of the list.
create function pg_temp.page(p_limit int, p_backward boolean, p_nrs int[]) returns json
language sql as $$
  select api.page(
    p_limit, p_backward,
    (select array_agg(to_json(n) order by o) from unnest(p_nrs) with ordinality as x (n, o)),
    (select array_agg(pg_temp.key(n) order by o) from unnest(p_nrs) with ordinality as x (n, o))
  )
$$;

select is(
  pg_temp.page(3, false, '{1,2}')::text, '{"items" : [1,2], "next_cursor" : null}',
  'A page that is not full is the last page'
);
select is(
  pg_temp.page(3, false, '{1,2,3}') ->> 'next_cursor', null,
  'A full page without a further row is the last page'
);
select is(
  pg_temp.page(3, false, '{1,2,3,4}') ->> 'items', '[1,2,3]',
  'A page omits the row beyond its limit'
);
select is(
  pg_temp.page(3, false, '{1,2,3,4}') ->> 'next_cursor', pg_temp.cursor(3),
  'The next page starts after the last row'
);
select is(
  pg_temp.page(3, true, '{1,2,3,4}') ->> 'items', '[2,3,4]',
  'A backward page omits the row beyond its limit'
);
select is(
  pg_temp.page(3, true, '{1,2,3,4}') ->> 'next_cursor', pg_temp.cursor(2),
  'The next backward page starts before the first row'
);
select is(
  pg_temp.page(3, true, '{1,2,3}')::text, '{"items" : [1,2,3], "next_cursor" : null}',
  'A backward page without a further row is the last page'
);
select is(
  pg_temp.page(3, false, '{9,8,7,6}')::text,
  format('{"items" : [9,8,7], "next_cursor" : "%s"}', pg_temp.cursor(7)),
  'A list may be newest first'
);
select is(
  pg_temp.page(1, false, '{1,2}')::text,
  format('{"items" : [1], "next_cursor" : "%s"}', pg_temp.cursor(1)), 'A page may have one row'
);
select is(
  api.page(20, false, null, null)::text, '{"items" : [], "next_cursor" : null}',
  'A page without rows has no items'
);
select is(
  api.page(20, false, '{}', '{}')::text, '{"items" : [], "next_cursor" : null}',
  'A page of an empty list has no items'
);
select is(
  api.page(20, false, null, null, '[1]')::text,
  '{"items" : [], "next_cursor" : null, "summary" : [1]}', 'A page may have a summary'
);

select is(
  api.parse_page(null, null, 20, false, true),
  ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', false, 20)::api.page_request,
  'A newest-first list starts at infinity and reads backward'
);
select is(
  api.parse_page(null, null, 20, false, false),
  ('-infinity', '00000000-0000-0000-0000-000000000000', true, 20)::api.page_request,
  'An oldest-first list starts at -infinity and reads forward'
);
select is(
  api.parse_page(pg_temp.cursor(5), null, 20, false, newest_first), pg_temp.request(5, false, 20),
  'A page before a row starts at that row and reads backward'
)
from unnest(array[true, false]) as newest_first;
select is(
  api.parse_page(null, pg_temp.cursor(5), 20, false, newest_first), pg_temp.request(5, true, 20),
  'A page after a row starts at that row and reads forward'
)
from unnest(array[true, false]) as newest_first;
select is(
  (api.parse_page(null, null, 20, lookahead, true)).max_rows, wanted,
  format('A page of 20 rows reads %s rows when p_lookahead is %L', wanted, lookahead)
)
from (values (true, 21), (false, 20), (null, 20)) as pages (lookahead, wanted);
select lives_ok(
  format('select api.parse_page(null, null, %s, false, true)', size),
  format('A page may have %s rows', size)
)
from unnest(array[1, 100]) as size;
select throws_fields(
  format('select api.parse_page(null, null, %s, false, true)', size), array['limit'],
  format('A page of %s rows is refused', size)
)
from unnest(array['0', '-1', '101', '2147483647', 'null']) as size;
select throws_fields(
  format('select api.parse_page(%L, %1$L, 20, false, true)', pg_temp.cursor(5)), array['before'],
  'A page has at most one cursor'
);
select throws_fields(
  $$
    select api.parse_page(
      'x', 'y', 0, false, true, api.field_error('role', 'is wrong'), null::json
    )
  $$,
  array['role', 'before', 'limit'],
  'One error names all bad arguments of a list, its filters first'
);
select throws_code(
  $$ select api.parse_page('x', null, 20, false, true) $$, 'PT400', 'invalid_cursor',
  'A malformed cursor is refused'
);
select throws_code(
  $$ select api.parse_page(null, '', 20, false, true) $$, 'PT400', 'invalid_cursor',
  'An empty cursor is refused'
);

select set_eq(
  format(
    'select n from generate_series(1, 9) as n
     where api.is_on_page((pg_temp.key(n)).created_at, (pg_temp.key(n)).id, pg_temp.request(5, %L, 20))',
    is_ascending
  ),
  wanted,
  format('The rows %s of 5 are on the page', case when is_ascending then 'after' else 'before' end)
)
from (values (true, array[6, 7, 8, 9]), (false, array[1, 2, 3, 4])) as pages (is_ascending, wanted);

select * from finish();
rollback;
