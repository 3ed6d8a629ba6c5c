-- media_count of posts and comments. Proves rules 80.3 and 80.7.
begin;
select plan(16);

select make_group('club');
select make_post('post', 'club');
select make_comment('comment', 'post');

create function pg_temp.counts() returns text language sql as $$
  select format('%s %s',
    (select media_count from public.post where id = the('post')),
    (select media_count from public.comment where id = the('comment'))
  )
$$;

select make_media('post', 'post') from generate_series(1, 3);
select make_media('comment', 'comment') from generate_series(1, 2);
select make_media('group', 'club');
select is(pg_temp.counts(), '3 2', 'An attachment counts in its post or comment');
select counters_hold();
delete from public.media_attachment
where id in (select id from public.media_attachment where subject_id = the('post') limit 2);
select is(pg_temp.counts(), '1 2', 'A removed attachment does not count');
select counters_hold();

select make_media('post', 'post') from generate_series(1, 9);
select make_media('comment', 'comment');
select is(pg_temp.counts(), '10 3', 'A post may have 10 attachments, and a comment 3');
select throws_ok(
  $$ select make_media('post', 'post') $$, '23514', null,
  'An eleventh attachment of a post is refused'
);
select throws_ok(
  $$ select make_media('comment', 'comment') $$, '23514', null,
  'A fourth attachment of a comment is refused'
);
select is(pg_temp.counts(), '10 3', 'A refused attachment does not count');
select is(
  (select array_agg(code) from api.constraint_codes
   where constraint_name in ('post_media_count_check', 'comment_media_count_check')),
  array['attachment_limit', 'attachment_limit'],
  'The constraints on media_count have the code attachment_limit'
);
update public.post set media_count = 0 where id = the('post');
select throws_ok(
  $$ delete from public.media_attachment where subject_id = the('post') $$, '23514', null,
  'A removal cannot make the counter negative'
);
update public.post set media_count = 10 where id = the('post');
select counters_hold();

delete from public.comment where id = the('comment');
select is_empty(
  $$ select id from public.media_attachment where subject_id = the('comment') $$,
  'Hard-deleting a comment deletes its attachments'
);
delete from public.post where id = the('post');
select is_empty(
  $$ select id from public.media_attachment where subject_id = the('post') $$,
  'Hard-deleting a post deletes its attachments'
);
select isnt_empty(
  $$ select id from public.media_attachment where subject_id = the('club') $$,
  'Attachments of a group remain when its posts are deleted'
);
delete from public.group_entity where id = the('club');
select is_empty(
  $$ select id from public.media_attachment where subject_id = the('club') $$,
  'Hard-deleting a group deletes its attachments'
);
select counters_hold();

select * from finish();
rollback;
