-- Listing topic tags. Proves rule 60.3.
begin;
select plan(20);

select make_group('open', 'public');
select make_group('closed', 'private');
select make_group('hidden', 'secret');
select make_post('post', 'open', 'owner', array[own('t') || 'alpha', own('t') || 'beta']);
select make_post('post2', 'open', 'owner', array[own('t') || 'beta', own('t') || 'ünï%_']);
select make_post('post3', 'closed', 'owner', array[own('t') || 'private', own('t') || 'beta']);
select make_post('post4', 'hidden', 'owner', array[own('t') || 'secret']);
select from api.create_tag(the('owner'), own('t') || 'unused');
select sudo($$
  update topic_tag set created_at = now() - interval '1 day' where tag = own('t') || 'unused'
$$);
set local role communities_job;

create function pg_temp.found(p_prefix text) returns text language sql as $$
  select string_agg(replace(tag, own('t'), '') || ' ' || posts_count, ', ' order by tag)
  from api.list_tags(null, own('t') || p_prefix)
$$;

select is(
  pg_temp.found(''), 'alpha 1, beta 2, unused 0, ünï%_ 1',
  'A list has the tags of public groups, with their numbers of posts'
);
select is(pg_temp.found(prefix), found, format('The prefix %L finds %L', prefix, found))
from (values
  ('al', 'alpha 1'), ('AL', 'alpha 1'), ('Ü', 'ünï%_ 1'), ('ünï%', 'ünï%_ 1'), ('ünï_', null),
  ('%', null), ('lpha', null), ('alphabet', null), ('private', null), ('secret', null)
) as prefixes (prefix, found);
select is(
  (select array_agg(tag) from api.list_tags(null, own('t'), 1)), array[own('t') || 'unused'],
  'The oldest tag is the first'
);
select walks_are_complete($$list_tags(null, own('t'))$$, false, 'every tag');
select is(
  walk($$list_tags(null)$$, 'after', false), array(select id from api.list_tags(null, '', 100)),
  'A null or empty prefix finds all tags'
);
select throws_fields(
  format('select * from api.list_tags(null, null, %s)', size), array['limit'],
  format('A page of %s tags is refused', size)
)
from unnest(array['0', '101', 'null']) as size;
select throws_code(
  $$ select * from api.list_tags(null, null, 20, 'x') $$, 'PT400', 'invalid_cursor',
  'A malformed cursor is refused'
);
select counters_hold();

select * from finish();
rollback;
