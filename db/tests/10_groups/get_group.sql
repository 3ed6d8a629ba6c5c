-- Reading a group's card. 04_policy/matrix.sql tests the rights. Proves rules 04.4 and 04.5.
begin;
select plan(5);

select make_group('open', 'public');
select make_group('hidden', 'secret');
select make_cast('hidden');
set local role communities_job;

select is(
  (select name from api.get_group(null, the('open'))), 'Group open', 'Anyone sees a public group'
);
select is(
  (select name from api.get_group(the('member'), the('hidden'))), 'Group hidden',
  'A member sees a secret group'
);
select throws_code(
  $$ select * from api.get_group(the('stranger'), the('hidden')) $$, 'PT404', 'not_found',
  'A stranger does not find a secret group'
);
select throws_code(
  $$ select * from api.get_group(the('stranger'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing group is not found'
);
select throws_code(
  $$ select * from api.get_group(the('stranger'), null) $$, 'PT404', 'not_found',
  'A null id is not found'
);

select * from finish();
rollback;
