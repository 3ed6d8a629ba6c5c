-- Listing the reactions to a post or comment. 04_policy/matrix.sql tests the rights. Proves rule
-- 50.5.
begin;
select plan(13);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post');
select make_reaction('post', 'post', name) from unnest(array['member', 'muted', 'admin']) as name;
select make_reaction('post', 'post', 'member', '🎉');
select make_reaction('comment', 'comment', 'member', '🎉');
select sudo(
  $$ update reaction set created_at = now() - interval '1 day' where user_id = the('admin') $$
);
set local role communities_job;

select bag_eq(
  $$ select user_id, emoji from api.list_reactions(null, 'post', the('post')) $$,
  $$
    values
      (the('member'), '👍'), (the('muted'), '👍'), (the('admin'), '👍'), (the('member'), '🎉')
  $$,
  'Every reaction to the post is listed'
);
select is(
  (select array_agg(user_id) from api.list_reactions(null, 'post', the('post'), p_limit => 1)),
  array[the('admin')], 'The oldest reaction is the first'
);
select bag_eq(
  $$ select user_id from api.list_reactions(null, 'post', the('post'), '🎉') $$, array[the('member')],
  'An emoji selects its reactions'
);
select is_empty(
  $$ select * from api.list_reactions(null, 'post', the('post'), '🐌') $$,
  'An unused emoji selects none'
);
select is(
  (select array_agg(subject_id) from api.list_reactions(null, 'comment', the('comment'))),
  array[the('comment')], 'A comment has its own reactions'
);
select walks_are_complete($$list_reactions(null, 'post', the('post'))$$, false, 'every reaction');
select throws_fields(
  $$ select * from api.list_reactions(null, 'group', the('club')) $$, array['subject_type'],
  'A group is refused as a subject'
);
select throws_code(
  $$ select * from api.list_reactions(null, 'post', gen_random_uuid()) $$, 'PT404', 'not_found',
  'A post that does not exist is not found'
);
select throws_fields(
  $$ select * from api.list_reactions(null, 'post', the('post'), p_limit => 0) $$, array['limit'],
  'A page has at least 1 reaction'
);
select throws_code(
  $$ select * from api.list_reactions(null, 'post', the('post'), p_before => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);
select from api.delete_post(the('owner'), the('post'));
select throws_code(
  $$ select * from api.list_reactions(the('member'), 'post', the('post')) $$, 'PT404', 'not_found',
  'A deleted post is not found for members'
);
select is(
  (select count(*) from api.list_reactions(the('moderator'), 'post', the('post'))), 4::bigint,
  'A deleted post shows its reactions to moderators'
);

select * from finish();
rollback;
