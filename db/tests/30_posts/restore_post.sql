-- Restoring a post. 04_policy/matrix.sql tests the rights.
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
  'The author of a deleted post cannot restore it'
);
select is(
  (select deleted_at from api.restore_post(the('moderator'), the('post'))), null,
  'A moderator restores a post'
);
select events_are(
  array['post.restored'], array['post.restored'], 'Restoring has one event and one audit entry'
);
select event_is(
  'post.restored', 'moderator', 'club', 'post', 'post', 'post',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', (select to_jsonb(p) from api.get_post(null, the('post')) as p),
  'The event has the post'
);
select is(
  (select body from api.get_comment(null, the('comment'))), 'A comment',
    'Comments of a restored post are visible'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 1,
  'A restored post counts in its tags'
);
select is(
  (select edited_at from api.get_post(null, the('post'))), null,
  'Restoring leaves edited_at unchanged'
);
select is(
  (select created_at from api.get_post(null, the('post'))), now() - interval '1 day',
  'A restored post keeps its place in lists'
);
select forget_events();
select is(
  (select id from api.restore_post(the('moderator'), the('post'))), the('post'),
  'Restoring a post that is not deleted changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select from api.delete_post(the('member'), the('post'));
select from api.delete_group(the('owner'), the('club'));
select throws_code(
  $$ select api.restore_post(the('moderator'), the('post')) $$, 'PT409', 'parent_deleted',
  'Content of a deleted group cannot be restored'
);
select from api.restore_group(the('owner'), the('club'));
select lives_ok(
  $$ select api.restore_post(the('moderator'), the('post')) $$,
  'Content is restored after its parent'
);
select counters_hold();

select * from finish();
rollback;
