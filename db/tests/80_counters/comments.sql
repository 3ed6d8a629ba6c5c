-- comments_count of a post, for every way to add and remove comments.
-- Proves rules 80.1, 80.2, 80.3 and 80.5.
begin;
select plan(36);

select make_group('club');
select make_post('post', 'club');
select make_post('other', 'club');
select make_comment('first', 'post');

create function pg_temp.counts() returns text language sql as $$
  select string_agg(comments_count::text, ' ' order by id = the('other'))
  from public.post where id in (the('post'), the('other'))
$$;
create function pg_temp.write(p_post uuid, p_bodies text[], p_parent uuid default null)
returns void language sql as $$
  insert into public.comment (group_id, post_id, author_id, parent_id, body)
  select the('club'), p_post, the('owner'), p_parent, body from unnest(p_bodies) as body
$$;

select is(pg_temp.counts(), '1 0', 'A comment counts only in its post');
select pg_temp.write(the('post'), array['a', 'b', 'c']);
select is(pg_temp.counts(), '4 0', 'Each of several new comments counts');
insert into public.comment (group_id, post_id, author_id, body)
select the('club'), the(post), the('owner'), body
from (values ('post', 'd'), ('other', 'x'), ('post', 'e'), ('other', 'y')) as new (post, body);
select is(pg_temp.counts(), '6 2', 'Comments of one statement count each in its post');
select counters_hold();

update public.comment set deleted_at = now() where body in ('a', 'x');
select is(pg_temp.counts(), '5 1', 'A soft-deleted comment does not count');
update public.comment set deleted_at = now() + interval '1 second' where body = 'a';
select is(pg_temp.counts(), '5 1', 'Deleting a deleted comment does not change the counter');
update public.comment set body = 'edited' where body = 'b';
select is(pg_temp.counts(), '5 1', 'Editing a comment does not change the counter');
update public.comment set deleted_at = null where body in ('a', 'x');
select is(pg_temp.counts(), '6 2', 'A restored comment counts');
update public.comment set deleted_at = null where body = 'a';
select is(
  pg_temp.counts(), '6 2', 'Restoring a comment that is not deleted does not change the counter'
);
select counters_hold();

delete from public.comment where body in ('c', 'y');
select is(pg_temp.counts(), '5 1', 'A hard-deleted comment does not count');
update public.comment set deleted_at = now() where body = 'd';
delete from public.comment where body = 'd';
select is(
  pg_temp.counts(), '4 1', 'Hard-deleting a soft-deleted comment does not change the counter'
);
select pg_temp.write(the('post'), array['f', 'g']);
update public.comment set deleted_at = now() where body = 'f';
delete from public.comment where body in ('f', 'g', 'x');
select is(pg_temp.counts(), '4 0', 'Comments in both states can be hard-deleted in one statement');
select counters_hold();

-- Refusals
select lives_ok(
  $$ select pg_temp.write(the('post'), array['x'], the('first')) $$,
  'A reply to a comment that is not deleted is accepted'
);
update public.comment set deleted_at = now() where id = the('first');
select throws_code(
  $$ select pg_temp.write(the('post'), array['x'], the('first')) $$, 'PT404', 'not_found',
  'A reply to a concurrently deleted comment is refused'
);
update public.post set deleted_at = now() where id = the('other');
select throws_code(
  $$ select pg_temp.write(the('other'), array['x']) $$, 'PT404', 'not_found',
  'A comment on a concurrently deleted post is refused'
);
select throws_code(
  $$
    insert into public.comment (group_id, post_id, author_id, body)
    select the('club'), the(post), the('owner'), 'x' from unnest(array['post', 'other']) as post
  $$,
  'PT404', 'not_found', 'A refused comment rolls back its whole statement'
);
select is(pg_temp.counts(), '4 0', 'A refused comment does not count');
update public.post set comments_count = 0 where id = the('post');
select throws_ok(
  $$ delete from public.comment where body = 'e' $$, '23514', null,
  'A hard delete cannot make the counter negative'
);
select throws_ok(
  $$ update public.comment set deleted_at = now() where body = 'e' $$, '23514', null,
  'A soft delete cannot make the counter negative'
);
update public.post set comments_count = 4 where id = the('post');
select counters_hold();

-- A deleted post keeps its counter up to date.
update public.post set deleted_at = null where id = the('other');
select pg_temp.write(the('other'), array['p', 'q', 'r']);
update public.post set deleted_at = now() where id = the('other');
update public.comment set deleted_at = now() where body = 'p';
select is(pg_temp.counts(), '4 2', 'A soft delete counts in a deleted post');
update public.comment set deleted_at = null where body = 'p';
select is(pg_temp.counts(), '4 3', 'A restore counts in a deleted post');
delete from public.comment where body = 'q';
select is(pg_temp.counts(), '4 2', 'A hard delete counts in a deleted post');
select counters_hold();

-- Cascades
select make_comment('parent', 'post');
select make_comment('child', 'post', 'owner', 'parent');
select make_comment('grandchild', 'post', 'owner', 'child');
select make_reaction('comment', 'child');
select make_media('comment', 'child');
delete from public.comment where id = the('parent');
select is(
  (select parent_id from public.comment where id = the('child')), null,
  'Replies to a hard-deleted comment remain, without a parent'
);
select is(pg_temp.counts(), '6 2', 'Replies to a hard-deleted comment count');
delete from public.comment where id = the('child');
select is_empty(
  $$ select * from public.reaction where subject_id = the('child') $$,
  'Hard-deleting a comment deletes its reactions'
);
select is_empty(
  $$ select * from public.reaction_count where subject_id = the('child') $$,
  'Hard-deleting a comment deletes its emoji counts'
);
select is_empty(
  $$ select * from public.media_attachment where subject_id = the('child') $$,
  'Hard-deleting a comment deletes its attachments'
);
select counters_hold();
delete from public.post where id = the('post');
select is_empty(
  $$ select * from public.comment where post_id = the('post') $$,
  'Hard-deleting a post deletes its comments'
);
select counters_hold();
delete from public.group_entity where id = the('club');
select is_empty(
  $$ select * from public.comment where group_id = the('club') $$,
  'Hard-deleting a group deletes the comments of its posts'
);
select counters_hold();

select * from finish();
rollback;
