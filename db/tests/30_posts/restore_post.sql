-- Restoring a post. 04_policy/matrix.sql tests who may.
-- Proves rules 04.15, 30.8, 30.10, 30.11 and 30.13.
begin;
select plan(14);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member', array[own('chess')]);
select make_comment('comment', 'post', 'member');
select sudo($$ update post set created_at = now() - interval '1 day' $$);
select from api.delete_post(the('member'), the('post'));
select forget_events();
set local role communities_job;

select throws_code(
  $$ select api.restore_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'To its author a deleted post is gone, and not restored'
);
select is(
  (select deleted_at from api.restore_post(the('moderator'), the('post'))), null,
  'A moderator restores a post'
);
select events_are(array['post.restored'], array['post.restored'], 'Restoring is one event, audited');
select event_is('post.restored', 'moderator', 'club', 'post', 'post', 'post', 'It tells who, where and what');
select is(
  event() -> 'data', (select to_jsonb(p) from api.get_post(null, the('post')) as p),
  'The event holds the post'
);
select is(
  (select body from api.get_comment(null, the('comment'))), 'A comment', 'What is inside is back'
);
select is((select posts_count from api.list_tags(null, own('chess'))), 1, 'It counts in its tags again');
select is((select edited_at from api.get_post(null, the('post'))), null, 'Restoring is not editing');
select is(
  (select created_at from api.get_post(null, the('post'))), now() - interval '1 day',
  'A restored post keeps its place in lists'
);
select forget_events();
select is(
  (select id from api.restore_post(the('moderator'), the('post'))), the('post'),
  'Restoring a post that lives changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');
select from api.delete_post(the('member'), the('post'));
select from api.delete_group(the('owner'), the('club'));
select throws_code(
  $$ select api.restore_post(the('moderator'), the('post')) $$, 'PT409', 'parent_deleted',
  'In a deleted group nothing is restored before the group'
);
select from api.restore_group(the('owner'), the('club'));
select lives_ok(
  $$ select api.restore_post(the('moderator'), the('post')) $$, 'But after it'
);
select counters_hold();

select * from finish();
rollback;
