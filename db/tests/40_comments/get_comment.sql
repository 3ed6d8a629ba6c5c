-- Reading one comment. 04_policy/matrix.sql tests who may. Proves rules 04.8 and 04.9.
begin;
select plan(7);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post', 'member');
select make_comment('reply', 'post', 'admin', 'comment');
set local role communities_job;

select is(
  (select id from api.get_comment(null, the('comment'))), the('comment'), 'Anyone sees a public comment'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A comment that was never written is not there'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), null) $$, 'PT404', 'not_found',
  'Nor is one without an id'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), the('post')) $$, 'PT404', 'not_found',
  'A post is no comment'
);
select from api.delete_comment(the('member'), the('comment'));
select throws_code(
  $$ select * from api.get_comment(the('member'), the('comment')) $$, 'PT404', 'not_found',
  'A deleted comment is gone for its author, although the list shows its tombstone'
);
select is(
  (select body from api.get_comment(the('moderator'), the('comment'))), 'A comment',
  'A moderator still sees what it said'
);
select is(
  (select parent_id from api.get_comment(null, the('reply'))), the('comment'),
  'A reply to a deleted comment is still seen'
);

select * from finish();
rollback;
