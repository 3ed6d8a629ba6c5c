-- Parsing a search. Proves rules 90.1, 90.12 and 90.17.
begin;
select plan(20);
set local role communities_job;

select results_eq(
  $$
    select q, type, group_id, tag, most, after_score, after_version
    from api.parse_search(null, e'\t Red fox ', 'post', null, ' Chess ', 5)
  $$,
  $$
    values ('Red fox', 'post', null::uuid, 'chess', 5, null::float8, null::bigint)
  $$,
  'An anonymous search has trimmed words and a folded tag'
);
select lives_ok(
  format('select api.parse_search(null, repeat(''é'', %s), p_limit => %s)', length, size),
  format('%s characters and a page of %s are accepted', length, size)
)
from (values (1, 1), (200, 100)) as edges (length, size);
select throws_fields(
  format('select api.parse_search(null, %s)', arguments), array[field],
  format('The arguments %s are refused', arguments)
)
from (values
  ('null', 'q'), ('''''', 'q'), (''' ''', 'q'), ('repeat(''a'', 201)', 'q'),
  ('''a'', ''user''', 'type'), ('''a'', p_limit => 0', 'limit'), ('''a'', p_limit => 101', 'limit'),
  ('''a'', p_limit => null', 'limit')
) as wrong (arguments, field);
select results_eq(
  format(
    'select after_score, after_version from api.parse_search(null, ''a'', p_cursor => %L)',
    translate(encode('6.5|42', 'base64'), '=', '')
  ),
  'values (6.5::float8, 42::bigint)', 'A cursor has a score and a version'
);
select throws_code(
  format('select api.parse_search(null, ''a'', p_cursor => %L)', cursor), 'PT400', 'invalid_cursor',
  format('The cursor %L is refused', cursor)
)
from unnest(array[
  '', 'x', 'MXwy=', translate(encode('NaN|1', 'base64'), '=', ''),
  translate(encode('1e400|1', 'base64'), '=', ''), translate(encode('1|x', 'base64'), '=', ''),
  translate(encode('-1|1', 'base64'), '=', ''), repeat('A', 64)
]) as cursor;

select * from finish();
rollback;
