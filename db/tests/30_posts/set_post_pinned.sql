-- Pinning and unpinning a post. 04_policy/matrix.sql tests the rights. Proves rules 30.9 and 30.13.
begin;
select plan(13);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member');
select forget_events();
set local role communities_job;

select is(
  (select is_pinned from api.set_post_pinned(the('moderator'), the('post'), true)), true,
  'A moderator pins a post'
);
select events_are(
  array['post.pinned'], array['post.pinned'], 'Pinning has one event and one audit entry'
);
select event_is(
  'post.pinned', 'moderator', 'club', 'post', 'post', 'post',
  'The event has the actor, the group and the subject'
);
select is(event() #>> '{data,is_pinned}', 'true', 'The event has the post');
select is(audited() #>> '{before,is_pinned}', 'false', 'The audit entry has the state before');
select is(
  (select edited_at from api.get_post(null, the('post'))), null,
  'Pinning leaves edited_at unchanged'
);
select is(
  (select is_pinned from api.set_post_pinned(the('admin'), the('post'), true)), true,
  'Pinning a pinned post changes nothing'
);
select events_are(
  array['post.pinned'], array['post.pinned'], 'A call without effect leaves no event'
);
select forget_events();
select is(
  (select is_pinned from api.set_post_pinned(the('admin'), the('post'), false)), false,
  'A moderator unpins a post'
);
select events_are(
  array['post.unpinned'], array['post.unpinned'], 'The change has one event and one audit entry'
);
select throws_code(
  $$ select api.set_post_pinned(the('member'), the('post'), true) $$, 'PT403', 'forbidden',
  'An author cannot pin a post'
);
select throws_code(
  $$ select api.set_post_pinned(the('owner'), gen_random_uuid(), true) $$, 'PT404', 'not_found',
  'A missing post is not found'
);
select counters_hold();

select * from finish();
rollback;
