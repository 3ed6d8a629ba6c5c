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
select remember(
  'campus', look($$ select campus_id from group_entity where id = the('first') $$)::uuid
);
select from api.update_group(the('ada'), the('first'), jsonb_build_object('tags', array[own('chess')]));
select from api.update_group(
  the('ada'), the('third'), jsonb_build_object('tags', array['go', own('chess')])
);
select from api.update_group(the('ada'), the('second'), '{"tags": ["go"]}');
set local role communities_job;

-- Returns the names of the listed groups, in order.
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
  ('anonymous', 'fourth second first',
    'An anonymous caller finds public and private groups, newest first'),
  ('stranger', 'fourth second first', 'A stranger finds no secret group'),
  ('banned', 'fourth second first', 'A banned user finds no secret group'),
  ('bob', 'fourth second first', 'An owner of another group finds no secret group')
) as lists (actor, names, description);
select set_eq(
  $$ select substr(name, 7) from api.list_groups(the('mia')) $$,
  array['fourth', 'second', 'third', 'first'], 'A member finds a secret group'
);
select is(
  (select array_agg(id) from api.list_groups(the('mia'))),
  array(select id from api.list_groups(the('mia')) order by created_at desc, id desc),
  'Groups of the same time are ordered by id'
);
select is(pg_temp.names(actor, filters), names, description)
from (values
  ('mia', ', p_mine => true', 'third', 'p_mine selects groups with a membership'),
  ('bob', ', p_mine => true', 'fourth', 'p_mine selects owned groups'),
  ('stranger', ', p_mine => true', null, 'A stranger has no own groups'),
  ('banned', ', p_mine => true', null, 'A banned user has no own groups'),
  ('bob', ', p_mine => false', 'fourth second first', 'A false p_mine selects all groups'),
  ('bob', ', p_mine => null', 'fourth second first', 'A null p_mine selects all groups'),
  ('stranger', ', p_campus_id => the(''campus'')', 'first', 'A campus selects its groups'),
  ('mia', ', p_campus_id => the(''campus'')', 'third first',
    'A campus selects secret groups for members'),
  ('stranger', ', p_campus_id => gen_random_uuid()', null, 'Another campus selects no group'),
  ('stranger', ', p_tag => own(''chess'')', 'first', 'A tag selects its groups'),
  ('mia', ', p_tag => '' '' || upper(own(''Chess''))', 'third first',
    'A tag is folded before the search'),
  ('stranger', ', p_visibility => ''public''', 'fourth first',
    'The visibility public selects public groups'),
  ('stranger', ', p_visibility => ''private''', 'second',
    'The visibility private selects private groups'),
  ('stranger', ', p_visibility => ''secret''', null,
    'The visibility secret selects no group for a stranger'),
  ('anonymous', ', p_visibility => ''secret''', null,
    'The visibility secret selects no group for an anonymous caller'),
  ('mia', ', p_visibility => ''secret''', 'third',
    'The visibility secret selects secret groups for members'),
  ('mia', ', p_visibility => ''secret'', p_tag => ''go'', p_mine => true', 'third',
    'Filters combine')
) as lists (actor, filters, names, description);

select walks_are_complete($$list_groups(the('mia'))$$, true, 'every group');
select throws_code(
  $$ select * from api.list_groups(null, p_mine => true) $$, 'PT401', 'unauthenticated',
  'p_mine requires an authenticated caller'
);
select throws_fields(
  $$ select * from api.list_groups(null, p_visibility => 'hidden') $$, array['visibility'],
  'An unknown visibility is refused'
);

select * from finish();
rollback;
