-- Reading one post. 04_policy/matrix.sql tests the rights. Proves rules 04.8 and 04.9.
begin;
select plan(6);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member');
set local role communities_job;

select is(
  (select id from api.get_post(null, the('post'))), the('post'),
  'Everyone sees a post of a public group'
);
select throws_code(
  $$ select * from api.get_post(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing post is not found'
);
select throws_code(
  $$ select * from api.get_post(the('owner'), null) $$, 'PT404', 'not_found',
  'A null id is not found'
);
select throws_code(
  $$ select * from api.get_post(the('owner'), the('club')) $$, 'PT404', 'not_found',
  'The id of a group is not found'
);
select from api.delete_post(the('member'), the('post'));
select throws_code(
  $$ select * from api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'The author does not find a deleted post'
);
select results_eq(
  $$ select body, deleted_at from api.get_post(the('moderator'), the('post')) $$,
  $$ values ('A post', now()) $$,
  'A moderator sees the content of a deleted post'
);

select * from finish();
rollback;
