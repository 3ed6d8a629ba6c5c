-- posts_count of topic tags. Proves rules 60.2, 81.1 and 81.2.
begin;
select plan(36);

select make_group('open', 'public');
select make_group('closed', 'private');
select make_group('hidden', 'secret');

-- Returns the tags of this test with their counts.
create function pg_temp.counts() returns text language sql as $$
  select coalesce(string_agg(replace(tag, own(''), '') || posts_count, ' ' order by tag), '')
  from public.topic_tag where tag like '_' || own('')
$$;
create function pg_temp.tags(p_tags text) returns text[] language sql as $$
  select coalesce(array_agg(own(tag)), '{}') from string_to_table(p_tags, ' ') as tag
$$;
create function pg_temp.tag(p_post text, p_tags text) returns void language sql as $$
  update public.post set topic_tags = pg_temp.tags(p_tags) where id = the(p_post)
$$;

select make_post('one', 'open', 'owner', pg_temp.tags('a b'));
select is(pg_temp.counts(), 'a1 b1', 'A post in a public group creates its tags and counts');
select make_post('two', 'open', 'owner', pg_temp.tags('b c'));
select is(pg_temp.counts(), 'a1 b2 c1', 'A second post counts in its tags');
select make_post('three', 'closed', 'owner', pg_temp.tags('b d'));
select make_post('four', 'hidden', 'owner', pg_temp.tags('b e'));
select is(
  pg_temp.counts(), 'a1 b2 c1',
  'A post in a private or secret group creates no tag and does not count'
);
select make_post('five', 'open');
insert into public.post (group_id, author_id, body, topic_tags)
select the(name), the('owner'), 'bulk', pg_temp.tags('c')
from unnest(array['open', 'closed', 'open', 'hidden']) as name;
select is(
  pg_temp.counts(), 'a1 b2 c3', 'Only the posts of public groups count in a statement with several'
);
select counters_hold();
delete from public.post where body = 'bulk';
select is(pg_temp.counts(), 'a1 b2 c1', 'Posts removed in one statement do not count');
select counters_hold();

-- Editing
select pg_temp.tag('one', 'b a');
select is(pg_temp.counts(), 'a1 b2 c1', 'A new order of tags does not change the counters');
select pg_temp.tag('one', 'b x');
select is(
  pg_temp.counts(), 'a0 b2 c1 x1',
  'An edit adds the post to new tags and subtracts it from old ones'
);
select pg_temp.tag('one', '');
select is(pg_temp.counts(), 'a0 b1 c1 x0', 'A post that loses its tags counts in none');
select pg_temp.tag('one', 'a b');
update public.post set body = 'edited', is_pinned = true where id = the('one');
select is(pg_temp.counts(), 'a1 b2 c1 x0', 'Changes of other columns do not change the counters');
select pg_temp.tag('three', 'd f');
select is(pg_temp.counts(), 'a1 b2 c1 x0', 'Edits in a private group do not count');
select counters_hold();

-- Deleting and restoring posts
update public.post set deleted_at = now() where group_id in (the('open'), the('closed'));
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Deleted posts do not count');
select pg_temp.tag('one', 'a c');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Editing deleted posts does not change the counters');
update public.post set deleted_at = null where group_id in (the('open'), the('closed'));
select is(pg_temp.counts(), 'a1 b1 c2 x0', 'Restored posts count in their current tags');
update public.post set deleted_at = now(), topic_tags = pg_temp.tags('x') where id = the('one');
select is(pg_temp.counts(), 'a0 b1 c1 x0', 'A delete with an edit subtracts the post once');
update public.post set deleted_at = null, topic_tags = pg_temp.tags('a') where id = the('one');
select is(pg_temp.counts(), 'a1 b1 c1 x0', 'A restore with an edit adds the post once');
select counters_hold();

-- Changing the group
update public.group_entity set visibility = 'private' where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Posts of a group that becomes private do not count');
update public.group_entity set visibility = 'secret' where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Posts of a group that becomes secret do not count');
update public.group_entity set visibility = 'public' where id = the('open');
select is(pg_temp.counts(), 'a1 b1 c1 x0', 'Posts of a group that becomes public count');
update public.group_entity set deleted_at = now() where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Posts of a deleted group do not count');
update public.post set deleted_at = now() where id = the('two');
select is(
  pg_temp.counts(), 'a0 b0 c0 x0', 'Deleting a post of a deleted group does not change the counters'
);
update public.group_entity set visibility = 'private' where id = the('open');
select is(
  pg_temp.counts(), 'a0 b0 c0 x0',
  'A new visibility of a deleted group does not change the counters'
);
update public.group_entity set deleted_at = null where id = the('open');
select is(
  pg_temp.counts(), 'a0 b0 c0 x0', 'Posts of a group that is restored as private do not count'
);
update public.group_entity set visibility = 'public' where id = the('open');
select is(
  pg_temp.counts(), 'a1 b0 c0 x0',
  'Only posts that are not deleted count when the group becomes public'
);
update public.group_entity set name = 'Renamed', is_locked = true where id = the('open');
select is(pg_temp.counts(), 'a1 b0 c0 x0', 'Changes of other columns do not change the counters');
select counters_hold();
update public.group_entity set visibility = 'public' where id = the('closed');
select is(
  pg_temp.counts(), 'a1 b0 c0 d1 f1 x0', 'A group that becomes public creates the tags of its posts'
);
select counters_hold();

-- Removing
delete from public.post where id = the('three');
select is(pg_temp.counts(), 'a1 b0 c0 d0 f0 x0', 'A hard-deleted post does not count');
delete from public.post where id = the('two');
select is(
  pg_temp.counts(), 'a1 b0 c0 d0 f0 x0',
  'Hard-deleting a soft-deleted post does not change the counters'
);
select make_post('six', 'closed', 'owner', pg_temp.tags('d'));
delete from public.group_entity where id in (the('open'), the('hidden'));
select is(
  pg_temp.counts(), 'a0 b0 c0 d1 f0 x0', 'Posts of a hard-deleted group do not count'
);
select counters_hold();
update public.topic_tag set posts_count = 0 where tag = own('d');
select throws_ok(
  $$ delete from public.post where id = the('six') $$, '23514', null,
  'A hard delete cannot make the counter negative'
);

select * from finish();
rollback;
