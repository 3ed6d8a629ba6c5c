-- posts_count of topic tags. Proves rules 60.2, 81.1 and 81.2.
begin;
select plan(36);

select make_group('open', 'public');
select make_group('closed', 'private');
select make_group('hidden', 'secret');

-- The tags of this test and their counts.
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
select is(pg_temp.counts(), 'a1 b1', 'A post in a public group makes its tags, and counts');
select make_post('two', 'open', 'owner', pg_temp.tags('b c'));
select is(pg_temp.counts(), 'a1 b2 c1', 'Another counts, too');
select make_post('three', 'closed', 'owner', pg_temp.tags('b d'));
select make_post('four', 'hidden', 'owner', pg_temp.tags('b e'));
select is(
  pg_temp.counts(), 'a1 b2 c1', 'A post in a private or secret group makes no tag, and does not count'
);
select make_post('five', 'open');
insert into public.post (group_id, author_id, body, topic_tags)
select the(name), the('owner'), 'bulk', pg_temp.tags('c')
from unnest(array['open', 'closed', 'open', 'hidden']) as name;
select is(pg_temp.counts(), 'a1 b2 c3', 'Of several posts at once just those of public groups count');
select counters_hold();
delete from public.post where body = 'bulk';
select is(pg_temp.counts(), 'a1 b2 c1', 'And when they are removed they count no more');
select counters_hold();

-- Editing
select pg_temp.tag('one', 'b a');
select is(pg_temp.counts(), 'a1 b2 c1', 'The order of tags changes nothing');
select pg_temp.tag('one', 'b x');
select is(pg_temp.counts(), 'a0 b2 c1 x1', 'A post counts in what it is given and out of what it loses');
select pg_temp.tag('one', '');
select is(pg_temp.counts(), 'a0 b1 c1 x0', 'A post without tags counts in none');
select pg_temp.tag('one', 'a b');
update public.post set body = 'edited', is_pinned = true where id = the('one');
select is(pg_temp.counts(), 'a1 b2 c1 x0', 'Other changes change nothing');
select pg_temp.tag('three', 'd f');
select is(pg_temp.counts(), 'a1 b2 c1 x0', 'In a private group no change counts');
select counters_hold();

-- Deleting and restoring posts
update public.post set deleted_at = now() where group_id in (the('open'), the('closed'));
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Deleted posts do not count');
select pg_temp.tag('one', 'a c');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Nor do they when edited');
update public.post set deleted_at = null where group_id in (the('open'), the('closed'));
select is(pg_temp.counts(), 'a1 b1 c2 x0', 'Restored ones do, with the tags that they have then');
update public.post set deleted_at = now(), topic_tags = pg_temp.tags('x') where id = the('one');
select is(pg_temp.counts(), 'a0 b1 c1 x0', 'Deleting and editing at once counts once');
update public.post set deleted_at = null, topic_tags = pg_temp.tags('a') where id = the('one');
select is(pg_temp.counts(), 'a1 b1 c1 x0', 'Restoring and editing, too');
select counters_hold();

-- The group changes
update public.group_entity set visibility = 'private' where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'When a group is made private its posts do not count');
update public.group_entity set visibility = 'secret' where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'Nor when it is made secret');
update public.group_entity set visibility = 'public' where id = the('open');
select is(pg_temp.counts(), 'a1 b1 c1 x0', 'When it is made public they count');
update public.group_entity set deleted_at = now() where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'When it is deleted they do not');
update public.post set deleted_at = now() where id = the('two');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'A post deleted meanwhile does not count twice');
update public.group_entity set visibility = 'private' where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'A deleted group that is made private neither');
update public.group_entity set deleted_at = null where id = the('open');
select is(pg_temp.counts(), 'a0 b0 c0 x0', 'When it is restored as a private one, they do not count');
update public.group_entity set visibility = 'public' where id = the('open');
select is(pg_temp.counts(), 'a1 b0 c0 x0', 'When it is public again, those that live do');
update public.group_entity set name = 'Renamed', is_locked = true where id = the('open');
select is(pg_temp.counts(), 'a1 b0 c0 x0', 'Other changes change nothing');
select counters_hold();
update public.group_entity set visibility = 'public' where id = the('closed');
select is(
  pg_temp.counts(), 'a1 b0 c0 d1 f1 x0', 'A private group that is made public makes the tags of its posts'
);
select counters_hold();

-- Removing
delete from public.post where id = the('three');
select is(pg_temp.counts(), 'a1 b0 c0 d0 f0 x0', 'A removed post counts no more');
delete from public.post where id = the('two');
select is(pg_temp.counts(), 'a1 b0 c0 d0 f0 x0', 'A deleted one that is removed did not before');
select make_post('six', 'closed', 'owner', pg_temp.tags('d'));
delete from public.group_entity where id in (the('open'), the('hidden'));
select is(
  pg_temp.counts(), 'a0 b0 c0 d1 f0 x0', 'With a removed group its posts count no more'
);
select counters_hold();
update public.topic_tag set posts_count = 0 where tag = own('d');
select throws_ok(
  $$ delete from public.post where id = the('six') $$, '23514', null, 'A count never drops below zero'
);

select * from finish();
rollback;
