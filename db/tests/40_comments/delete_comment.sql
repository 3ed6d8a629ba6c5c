-- Deleting a comment. Proves rules 05.4 and 40.8.
begin;
select plan(17);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post', 'member');
select make_comment('reply', 'post', 'admin', 'comment');
select make_comment('boss', 'post', 'owner');
select make_comment('kept', 'post', 'member');
select forget_events();
set local role communities_job;

select lives_ok(
  $$ select api.delete_comment(the('member'), the('comment')) $$, 'An author deletes a comment'
);
select events_are(
  array['comment.deleted'], array['comment.deleted'], 'Deleting has one event and one audit entry'
);
select event_is(
  'comment.deleted', 'member', 'club', 'post', 'comment', 'comment',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('comment'), 'deleted_at', now()),
  'The event has the time of deletion and no content'
);
select is(audited() #>> '{before,body}', 'A comment', 'The audit entry has the state before');
select is(
  (select comments_count from api.get_post(null, the('post'))), 3,
  'A deleted comment does not count in its post, but its replies do'
);
select throws_code(
  $$ select api.delete_comment(the('member'), the('comment')) $$, 'PT404', 'not_found',
  'The author does not find a deleted comment'
);
select forget_events();
select lives_ok(
  $$ select api.delete_comment(the('moderator'), the('comment')) $$,
  'Deleting a deleted comment changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select throws_code(
  $$ select api.add_reaction(the('member'), 'comment', the('comment'), '👍') $$,
  'PT404', 'not_found', 'A member does not find a deleted comment to react to'
);
select lives_ok(
  $$ select api.add_reaction(the('member'), 'comment', the('reply'), '👍') $$,
  'A member reacts to a reply below a deleted comment'
);
select throws_code(
  $$ select api.delete_comment(the('member'), the('boss')) $$, 'PT403', 'forbidden',
  'A member cannot delete the comment of another author'
);
select lives_ok(
  $$ select api.delete_comment(the('moderator'), the('boss')) $$,
  'Moderators delete content of every rank'
);
select from api.leave_group(the('member'), the('club'));
select lives_ok(
  $$ select api.delete_comment(the('member'), the('kept')) $$,
  'An author who left a public group deletes their own content'
);
select throws_code(
  $$ select api.delete_comment(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing comment is not found'
);
select is(
  (select comments_count from api.get_post(null, the('post'))), 1,
  'The post counts the comments that are not deleted'
);
select counters_hold();

select * from finish();
rollback;
