-- Restoring a comment. 04_policy/matrix.sql tests the rights. Proves rules 04.15 and 40.9.
begin;
select plan(17);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post', 'member');
select make_comment('reply', 'post', 'admin', 'comment');
select from api.delete_comment(the('member'), the('comment'));
select from api.delete_comment(the('admin'), the('reply'));
select forget_events();
set local role communities_job;

select throws_code(
  $$ select api.restore_comment(the('member'), the('comment')) $$, 'PT404', 'not_found',
  'The author of a deleted comment cannot restore it'
);
select is(
  (select deleted_at from api.restore_comment(the('moderator'), the('comment'))), null,
  'A moderator restores a comment'
);
select events_are(
  array['comment.restored'], array['comment.restored'],
  'Restoring has one event and one audit entry'
);
select event_is(
  'comment.restored', 'moderator', 'club', 'post', 'comment', 'comment',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', (select to_jsonb(c) from api.get_comment(null, the('comment')) as c),
  'The event has the comment'
);
select is(
  (select comments_count from api.get_post(null, the('post'))), 1,
  'A restored comment counts in its post'
);
select is(
  (select edited_at from api.get_comment(null, the('comment'))), null,
  'Restoring leaves edited_at unchanged'
);
select forget_events();
select is(
  (select id from api.restore_comment(the('moderator'), the('comment'))), the('comment'),
  'Restoring a comment that is not deleted changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select from api.delete_comment(the('member'), the('comment'));
select lives_ok(
  $$ select api.restore_comment(the('moderator'), the('reply')) $$,
  'A reply is restored below a deleted comment, which becomes a tombstone'
);
select is(
  (select array_agg(id = the('comment') and body = '') from api.list_comments(null, the('post'))),
  array[true, false], 'The list has the reply and the tombstone'
);
select from api.delete_post(the('owner'), the('post'));
select throws_code(
  $$ select api.restore_comment(the('moderator'), the('comment')) $$, 'PT409', 'parent_deleted',
  'A comment in a deleted post cannot be restored'
);
select from api.restore_post(the('moderator'), the('post'));
select from api.delete_group(the('owner'), the('club'));
select throws_code(
  $$ select api.restore_comment(the('moderator'), the('comment')) $$, 'PT409', 'parent_deleted',
  'Content of a deleted group cannot be restored'
);
select from api.restore_group(the('owner'), the('club'));
select lives_ok(
  $$ select api.restore_comment(the('moderator'), the('comment')) $$,
  'Content is restored after its parent'
);
select is(
  (select comments_count from api.get_post(null, the('post'))), 2,
  'The post counts the comments that are not deleted'
);
select throws_code(
  $$ select api.restore_comment(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing comment is not found'
);
select counters_hold();

select * from finish();
rollback;
