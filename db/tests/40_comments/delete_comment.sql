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

select lives_ok($$ select api.delete_comment(the('member'), the('comment')) $$, 'An author deletes a comment');
select events_are(array['comment.deleted'], array['comment.deleted'], 'Deleting is one event, audited');
select event_is(
  'comment.deleted', 'member', 'club', 'post', 'comment', 'comment', 'The event tells who, where and what'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('comment'), 'deleted_at', now()),
  'The event tells when, and no content'
);
select is(audited() #>> '{before,body}', 'A comment', 'The audit log holds what was before');
select is(
  (select comments_count from api.get_post(null, the('post'))), 3,
  'A deleted comment does not count in its post, its replies do'
);
select throws_code(
  $$ select api.delete_comment(the('member'), the('comment')) $$, 'PT404', 'not_found',
  'To its author it is gone, and not deleted again'
);
select forget_events();
select lives_ok(
  $$ select api.delete_comment(the('moderator'), the('comment')) $$,
  'By a moderator deleting it again changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');
select throws_code(
  $$ select api.add_reaction(the('member'), 'comment', the('comment'), '👍') $$, 'PT404', 'not_found',
  'A member does not react to a deleted comment'
);
select lives_ok(
  $$ select api.add_reaction(the('member'), 'comment', the('reply'), '👍') $$,
  'But to the living replies below it'
);
select throws_code(
  $$ select api.delete_comment(the('member'), the('boss')) $$, 'PT403', 'forbidden',
  'A member does not delete another''s comment'
);
select lives_ok(
  $$ select api.delete_comment(the('moderator'), the('boss')) $$,
  'Moderating does not look at the author''s rank'
);
select from api.leave_group(the('member'), the('club'));
select lives_ok(
  $$ select api.delete_comment(the('member'), the('kept')) $$,
  'An author who has left a public group deletes what they wrote'
);
select throws_code(
  $$ select api.delete_comment(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A comment that is not there is not deleted'
);
select is((select comments_count from api.get_post(null, the('post'))), 1, 'The post counts what lives');
select counters_hold();

select * from finish();
rollback;
