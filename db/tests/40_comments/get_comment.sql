-- Reading one comment. 04_policy/matrix.sql tests the rights. Proves rules 04.8 and 04.9.
begin;
select plan(7);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post', 'member');
select make_comment('reply', 'post', 'admin', 'comment');
set local role communities_job;

select is(
  (select id from api.get_comment(null, the('comment'))), the('comment'),
    'Everyone sees a comment of a public group'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing comment is not found'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), null) $$, 'PT404', 'not_found',
  'A null id is not found'
);
select throws_code(
  $$ select * from api.get_comment(the('owner'), the('post')) $$, 'PT404', 'not_found',
  'The id of a post is not found'
);
select from api.delete_comment(the('member'), the('comment'));
select throws_code(
  $$ select * from api.get_comment(the('member'), the('comment')) $$, 'PT404', 'not_found',
  'The author does not find a deleted comment, although the list shows its tombstone'
);
select is(
  (select body from api.get_comment(the('moderator'), the('comment'))), 'A comment',
  'A moderator sees the content of a deleted comment'
);
select is(
  (select parent_id from api.get_comment(null, the('reply'))), the('comment'),
  'A reply to a deleted comment is visible'
);

select * from finish();
rollback;
