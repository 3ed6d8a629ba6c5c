-- Pages: where they start and how they go on (§7).
begin;
select plan(29);

create function pg_temp.key(p_nr int) returns api.page_key language sql as $$
  select (
    '2026-01-01 00:00:00+00'::timestamptz + p_nr * interval '1 second',
    lpad(p_nr::text, 32, '0')::uuid
  )::api.page_key
$$;
create function pg_temp.cursor(p_nr int) returns text language sql as $$
  select api.cursor_of((pg_temp.key(p_nr)).created_at, (pg_temp.key(p_nr)).id)
$$;
-- The answer of page() for rows of these numbers, in the order of the list.
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
  'A page that is not full is the last'
);
select is(
  pg_temp.page(3, false, '{1,2,3}') ->> 'next_cursor', null,
  'A page that is just full, without a row beyond it, is the last'
);
select is(
  pg_temp.page(3, false, '{1,2,3,4}') ->> 'items', '[1,2,3]', 'The row beyond the page is not shown'
);
select is(
  pg_temp.page(3, false, '{1,2,3,4}') ->> 'next_cursor', pg_temp.cursor(3),
  'The next page starts after the last row'
);
select is(
  pg_temp.page(3, true, '{1,2,3,4}') ->> 'items', '[2,3,4]',
  'A page asked for backwards leaves out the row before it'
);
select is(
  pg_temp.page(3, true, '{1,2,3,4}') ->> 'next_cursor', pg_temp.cursor(2),
  'The next page backwards starts before the first row'
);
select is(
  pg_temp.page(3, true, '{1,2,3}')::text, '{"items" : [1,2,3], "next_cursor" : null}',
  'A page backwards with no row before it is the last'
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
  'A page of nothing has no items'
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
  api.page_start(null, null, 20, true),
  ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')::api.page_key,
  'A list that is newest first begins at the end of time'
);
select is(
  api.page_start(null, null, 20, false),
  ('-infinity', '00000000-0000-0000-0000-000000000000')::api.page_key,
  'A list that is oldest first begins at the beginning of time'
);
select is(
  api.page_start(pg_temp.cursor(5), null, 20, newest_first), pg_temp.key(5),
  'A page before a row starts there'
)
from unnest(array[true, false]) as newest_first;
select is(
  api.page_start(null, pg_temp.cursor(5), 20, newest_first), pg_temp.key(5),
  'A page after a row starts there'
)
from unnest(array[true, false]) as newest_first;
select lives_ok(
  format('select api.page_start(null, null, %s, true)', size), format('A page may have %s rows', size)
)
from unnest(array[1, 100]) as size;
select throws_fields(
  format('select api.page_start(null, null, %s, true)', size), array['limit'],
  format('A page may not have %s rows', size)
)
from unnest(array['0', '-1', '101', '2147483647', 'null']) as size;
select throws_fields(
  format('select api.page_start(%L, %1$L, 20, true)', pg_temp.cursor(5)), array['before'],
  'A page is not before and after a row at once'
);
select throws_fields(
  $$ select api.page_start('x', 'y', 0, true) $$, array['before', 'limit'],
  'All that is wrong with a page is told at once'
);
select throws_code(
  $$ select api.page_start('x', null, 20, true) $$, 'PT400', 'invalid_cursor',
  'A page does not start before what is no cursor'
);
select throws_code(
  $$ select api.page_start(null, '', 20, true) $$, 'PT400', 'invalid_cursor',
  'Nor after an empty one'
);

select * from finish();
rollback;
