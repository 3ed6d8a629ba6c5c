-- Finding wrong counters. Proves rules 80.4 and 83.1.
begin;
select plan(20);

select make_group('club');
select make_post('post', 'club', 'owner', array[own('chess')]);
select make_comment('comment', 'post');
select make_comment('reply', 'post', 'owner', 'comment');
select make_comment('leaf', 'post');
select make_reaction('post', 'post', 'owner', 'a');
select make_reaction('comment', 'comment', 'owner', 'a');
select make_media('post', 'post');
select make_media('comment', 'comment');
select from api.delete_comment(the('owner'), the('comment'));
select from api.delete_comment(the('owner'), the('leaf'));

-- Returns the result of verify_counters() after a statement that breaks a counter.
create function pg_temp.drifts(p_break text) returns text language plpgsql as $$
declare
  v_drifts text;
begin
  execute p_break;
  select string_agg(concat_ws(' ', counter, subject, stored, actual), ', ' order by counter, subject)
  into v_drifts from api.verify_counters();
  raise exception using errcode = 'ZZ000', message = coalesce(v_drifts, 'none');
exception when sqlstate 'ZZ000' then
  return sqlerrm;
end
$$;

select is(pg_temp.drifts('select'), 'none', 'Correct counters have no drift');
select is(
  pg_temp.drifts(break), counter || ' ' || subject || ' ' || wrong,
  format('A drift of %s is found: %s', counter, break)
)
from (values
  ('update post set comments_count = 5', 'post.comments_count', the('post')::text, '5 1'),
  ('update post set comments_count = 0', 'post.comments_count', the('post')::text, '0 1'),
  ('update post set reactions_count = 0', 'post.reactions_count', the('post')::text, '0 1'),
  ('update post set media_count = 2', 'post.media_count', the('post')::text, '2 1'),
  ('update comment set reactions_count = 2 where reactions_count = 1', 'comment.reactions_count',
    the('comment')::text, '2 1'),
  ('update comment set reactions_count = 1 where id = the(''reply'')', 'comment.reactions_count',
    the('reply')::text, '1 0'),
  ('update comment set media_count = 0', 'comment.media_count', the('comment')::text, '0 1'),
  ('update comment set is_listed = false where id = the(''comment'')', 'comment.is_listed',
    the('comment')::text, '0 1'),
  ('update comment set is_listed = true where id = the(''leaf'')', 'comment.is_listed',
    the('leaf')::text, '1 0'),
  ('update group_entity set members_count = 2', 'group.members_count', the('club')::text, '2 1'),
  ('update reaction_count set count = 2 where subject_type = ''post''', 'reaction_count',
    'post ' || the('post') || ' a', '2 1'),
  ('delete from reaction_count where subject_type = ''comment''', 'reaction_count',
    'comment ' || the('comment') || ' a', '0 1'),
  ('insert into reaction_count values (''post'', the(''post''), ''z'', 3)', 'reaction_count',
    'post ' || the('post') || ' z', '3 0'),
  ('update topic_tag set posts_count = 7', 'tag.posts_count', own('chess'), '7 1'),
  ('delete from topic_tag', 'tag.posts_count', own('chess'), '0 1')
) as broken (break, counter, subject, wrong);
select is(
  pg_temp.drifts('update post set comments_count = 2, reactions_count = 3'),
  format('post.comments_count %s 2 1, post.reactions_count %1$s 3 1', the('post')),
  'Every wrong counter is found'
);
set local role communities_job;
select lives_ok('select * from api.verify_counters()', 'A trusted job may verify counters');
set local role communities_service;
select throws_ok(
  'select * from api.verify_counters()', '42501', null, 'The service may not verify counters'
);
reset role;
select counters_hold();

select * from finish();
rollback;
