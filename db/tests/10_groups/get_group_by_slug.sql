-- Finding a group by its slug. 04_policy/matrix.sql tests the rights. Proves rule 10.13.
begin;
select plan(7);

select make_group('open', 'public');
select make_group('hidden', 'secret');
select make_cast('hidden');
select sudo($$ update group_entity set slug = own('open') where id = the('open') $$);
select sudo($$ update group_entity set slug = own('hidden') where id = the('hidden') $$);
set local role communities_job;

select is(
  (select id from api.get_group_by_slug(null, own('open'))), the('open'),
  'Anyone finds a public group by its slug'
);
select is(
  (select id from api.get_group_by_slug(the('member'), own('hidden'))), the('hidden'),
  'A member finds a secret group by its slug'
);
select throws_code(
  $$ select * from api.get_group_by_slug(the('stranger'), own('hidden')) $$, 'PT404', 'not_found',
  'A stranger does not find a secret group by its slug'
);
select throws_code(
  $$ select * from api.get_group_by_slug(the('owner'), own('nothing')) $$, 'PT404', 'not_found',
  'An unknown slug is not found'
);
select throws_code(
  $$ select * from api.get_group_by_slug(the('owner'), null) $$, 'PT404', 'not_found',
  'A null slug is not found'
);
select from api.delete_group(the('owner'), the('open'));
select throws_code(
  $$ select * from api.get_group_by_slug(the('owner'), own('open')) $$, 'PT404', 'not_found',
  'A slug does not find a deleted group, not even for its owner'
);
select remember('heir', id) from api.create_group(the('stranger'), 'Heir', 'public', own('open'));
select is(
  (select id from api.get_group_by_slug(the('owner'), own('open'))), the('heir'),
  'A slug finds the group that reused it'
);

select * from finish();
rollback;
