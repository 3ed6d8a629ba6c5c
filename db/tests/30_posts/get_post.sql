-- Reading one post. 04_policy/matrix.sql tests who may. Proves rules 04.8 and 04.9.
begin;
select plan(6);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member');
set local role communities_job;

select is((select id from api.get_post(null, the('post'))), the('post'), 'Anyone sees a public post');
select throws_code(
  $$ select * from api.get_post(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A post that was never written is not there'
);
select throws_code(
  $$ select * from api.get_post(the('owner'), null) $$, 'PT404', 'not_found', 'Nor is one without an id'
);
select throws_code(
  $$ select * from api.get_post(the('owner'), the('club')) $$, 'PT404', 'not_found', 'A group is no post'
);
select from api.delete_post(the('member'), the('post'));
select throws_code(
  $$ select * from api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'A deleted post is gone for its author'
);
select results_eq(
  $$ select body, deleted_at from api.get_post(the('moderator'), the('post')) $$,
  $$ values ('A post', now()) $$,
  'A moderator still sees what it said'
);

select * from finish();
rollback;
