-- Deleting a post. Proves rules 05.4, 05.7, 30.7, 30.11 and 30.12.
begin;
select plan(24);

select make_group('club', 'public');
select make_cast('club');
select make_member('author', 'club');
select make_post('post', 'club', 'author', array[own('chess')]);
select make_post('boss', 'club', 'owner');
select make_post('kept', 'club', 'author');
select make_comment('comment', 'post', 'member');
select make_reaction('post', 'post', 'member');
select forget_events();
set local role communities_job;

select lives_ok(
  $$ select api.delete_post(the('author'), the('post')) $$, 'An author deletes a post'
);
select events_are(
  array['post.deleted'], array['post.deleted'], 'Deleting has one event and one audit entry'
);
select event_is(
  'post.deleted', 'author', 'club', 'post', 'post', 'post',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('post'), 'deleted_at', now()),
  'The event has the time of deletion and no content'
);
select is(audited() #>> '{before,body}', 'A post', 'The audit entry has the state before');
select is(
  outcome(format('select %s', call)), 'not_found',
  format('A member does not find a deleted post: %s', split_part(call, '(', 1))
)
from unnest(array[
  $$api.get_post(the('author'), the('post'))$$, $$api.list_comments(the('member'), the('post'))$$,
  $$api.get_comment(the('member'), the('comment'))$$,
  $$api.create_comment(the('member'), the('post'), 'x')$$,
  $$api.update_comment(the('member'), the('comment'), '{"body": "x"}')$$,
  $$api.add_reaction(the('author'), 'post', the('post'), '👍')$$,
  $$api.remove_reaction(the('member'), 'post', the('post'), '👍')$$,
  $$api.delete_post(the('author'), the('post'))$$
]) as call;
select is(
  outcome(format('select %s', call)), 'forbidden',
  format('A moderator cannot change a deleted post: %s', split_part(call, '(', 1))
)
from unnest(array[
  $$api.create_comment(the('moderator'), the('post'), 'x')$$,
  $$api.add_reaction(the('moderator'), 'post', the('post'), '👍')$$,
  $$api.set_post_pinned(the('moderator'), the('post'), true)$$
]) as call;
select is(
  (select comments_count || ' ' || reactions_count from api.get_post(the('admin'), the('post'))),
    '1 1',
  'A deleted post keeps its counters'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0,
  'A deleted post does not count in its tags'
);
select forget_events();
select lives_ok(
  $$ select api.delete_post(the('moderator'), the('post')) $$,
  'Deleting a deleted post changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');
select lives_ok(
  $$ select api.delete_post(the('moderator'), the('boss')) $$,
  'Moderators delete content of every rank'
);
select from api.leave_group(the('author'), the('club'));
select lives_ok(
  $$ select api.delete_post(the('author'), the('kept')) $$,
  'An author who left a public group deletes their own content'
);
select throws_code(
  $$ select api.delete_post(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing post is not found'
);
select counters_hold();

select * from finish();
rollback;
