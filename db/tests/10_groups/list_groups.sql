-- Listing groups. Proves rules 02.13, 10.5, 10.6 and 10.7.
begin;
select plan(27);

select make_group('first', 'public', 'ada');
select make_group('second', 'private', 'ada');
select make_group('third', 'secret', 'ada');
select make_group('fourth', 'public', 'bob');
select make_group('gone', 'public', 'ada');
select make_member('mia', 'third');
select make_user('stranger');
select make_banned('banned', 'third');
select backdate('group_entity', 'first', '3 days');
select backdate('group_entity', 'second', '2 days');
select backdate('group_entity', 'third', '2 days');
select backdate('group_entity', 'fourth', '1 day');
select from api.delete_group(the('ada'), the('gone'));
select sudo(format(
  $$ update group_entity set campus_id = %L where id in (the('first'), the('third'), the('gone')) $$,
  gen_random_uuid()
));
select remember('campus', look($$ select campus_id from group_entity where id = the('first') $$)::uuid);
select from api.update_group(the('ada'), the('first'), jsonb_build_object('tags', array[own('chess')]));
select from api.update_group(
  the('ada'), the('third'), jsonb_build_object('tags', array['go', own('chess')])
);
select from api.update_group(the('ada'), the('second'), '{"tags": ["go"]}');
set local role communities_job;

-- The names that a caller finds, in order.
create function pg_temp.names(p_actor text, p_filters text default '') returns text
language plpgsql as $$
declare
  v_names text;
begin
  execute format(
    'select string_agg(substr(name, 7), '' '') from api.list_groups(the(%L)%s)', p_actor, p_filters
  ) into v_names;
  return v_names;
end
$$;

select is(pg_temp.names(actor), names, description)
from (values
  ('anonymous', 'fourth second first', 'Anyone finds public and private groups, newest first'),
  ('stranger', 'fourth second first', 'A stranger finds no secret group'),
  ('banned', 'fourth second first', 'Nor does a user who is banned from it'),
  ('bob', 'fourth second first', 'An owner elsewhere is a stranger')
) as lists (actor, names, description);
select set_eq(
  $$ select substr(name, 7) from api.list_groups(the('mia')) $$,
  array['fourth', 'second', 'third', 'first'], 'A member finds a secret group'
);
select is(
  (select array_agg(id) from api.list_groups(the('mia'))),
  array(select id from api.list_groups(the('mia')) order by created_at desc, id desc),
  'Groups of one instant are ordered by id'
);
select is(pg_temp.names(actor, filters), names, description)
from (values
  ('mia', ', p_mine => true', 'third', 'One''s own groups are those that one is a member of'),
  ('bob', ', p_mine => true', 'fourth', 'Or owns'),
  ('stranger', ', p_mine => true', null, 'A stranger has none'),
  ('banned', ', p_mine => true', null, 'Nor has a user who is banned'),
  ('bob', ', p_mine => false', 'fourth second first', 'Not only one''s own are all'),
  ('bob', ', p_mine => null', 'fourth second first', 'And so they are without the filter'),
  ('stranger', ', p_campus_id => the(''campus'')', 'first', 'A campus has its groups'),
  ('mia', ', p_campus_id => the(''campus'')', 'third first', 'Secret ones to their members'),
  ('stranger', ', p_campus_id => gen_random_uuid()', null, 'Another campus has others'),
  ('stranger', ', p_tag => own(''chess'')', 'first', 'A tag has its groups'),
  ('mia', ', p_tag => '' '' || upper(own(''Chess''))', 'third first', 'In any case and trimmed'),
  ('stranger', ', p_visibility => ''public''', 'fourth first', 'Public groups are found'),
  ('stranger', ', p_visibility => ''private''', 'second', 'Private groups are found'),
  ('stranger', ', p_visibility => ''secret''', null, 'Secret groups are not'),
  ('anonymous', ', p_visibility => ''secret''', null, 'By nobody'),
  ('mia', ', p_visibility => ''secret''', 'third', 'But their members'),
  ('mia', ', p_visibility => ''secret'', p_tag => ''go'', p_mine => true', 'third',
    'Filters are taken together')
) as lists (actor, filters, names, description);

select is(
  walk($$list_groups(the('mia'))$$, direction, true),
  array(
    select id from api.list_groups(the('mia'))
    order by
      case when direction = 'before' then created_at end desc,
      case when direction = 'before' then id end desc, created_at, id
  ),
  format('A walk %s meets every group once', direction)
)
from unnest(array['before', 'after']) as direction;
select throws_code(
  $$ select * from api.list_groups(null, p_mine => true) $$, 'PT401', 'unauthenticated',
  'An anonymous caller has no groups of their own'
);
select throws_fields(
  $$ select * from api.list_groups(null, p_visibility => 'hidden') $$, array['visibility'],
  'A visibility that is none is an error'
);

select * from finish();
rollback;
