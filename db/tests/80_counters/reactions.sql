-- reactions_count of posts and comments, and the count of each emoji. Proves rules 80.3 and 80.6.
begin;
select plan(25);

select make_group('club');
select make_post('post', 'club');
select make_post('other', 'club');
select make_comment('comment', 'post');

create function pg_temp.react(p_type text, p_subject text, p_emoji text, p_number int)
returns void language sql as $$
  insert into public.reaction (group_id, post_id, subject_type, subject_id, user_id, emoji)
  select the('club'), the('post'), p_type, the(p_subject), gen_random_uuid(), p_emoji
  from generate_series(1, p_number)
$$;
create function pg_temp.counts() returns text language sql as $$
  select format('%s %s %s',
    (select reactions_count from public.post where id = the('post')),
    (select reactions_count from public.post where id = the('other')),
    (select reactions_count from public.comment where id = the('comment'))
  )
$$;
create function pg_temp.emoji(p_subject text) returns text language sql as $$
  select string_agg(emoji || count, ' ' order by emoji)
  from public.reaction_count where subject_id = the(p_subject)
$$;

select pg_temp.react('post', 'post', 'a', 3);
select is(pg_temp.counts(), '3 0 0', 'Each of several new reactions counts in its post');
select pg_temp.react('post', 'post', 'b', 2);
select pg_temp.react('comment', 'comment', 'b', 4);
select is(pg_temp.counts(), '5 0 4', 'A reaction to a comment counts only in the comment');
select is(pg_temp.emoji('post'), 'a3 b2', 'Each emoji of a post has its count');
select is(pg_temp.emoji('comment'), 'b4', 'Each emoji of a comment has its count');
insert into public.reaction (group_id, post_id, subject_type, subject_id, user_id, emoji)
select the('club'), the('post'), type, the(subject), gen_random_uuid(), emoji
from (values
  ('post', 'post', 'c'), ('comment', 'comment', 'c'), ('post', 'other', 'c'), ('post', 'other', 'a')
) as new (type, subject, emoji);
select is(pg_temp.counts(), '6 2 5', 'Reactions of one statement count each in its subject');
select counters_hold();

insert into public.reaction (group_id, post_id, subject_type, subject_id, user_id, emoji)
select group_id, post_id, subject_type, subject_id, user_id, emoji from public.reaction
on conflict do nothing;
select is(pg_temp.counts(), '6 2 5', 'A repeated reaction does not count');
select counters_hold();

delete from public.reaction where emoji = 'b';
select is(pg_temp.counts(), '4 2 1', 'Removed reactions do not count');
select is(pg_temp.emoji('post'), 'a3 c1', 'An emoji without reactions has no count');
select counters_hold();

update public.comment set deleted_at = now() where id = the('comment');
select is(pg_temp.counts(), '4 2 1', 'A soft-deleted comment keeps its counter');
select throws_code(
  $$ select pg_temp.react('comment', 'comment', 'z', 1) $$, 'PT404', 'not_found',
  'A reaction to a concurrently deleted comment is refused'
);
update public.post set deleted_at = now() where id = the('other');
select throws_code(
  $$ select pg_temp.react('post', 'other', 'z', 1) $$, 'PT404', 'not_found',
  'A reaction to a concurrently deleted post is refused'
);
select throws_code(
  format('select pg_temp.react(%L, ''club'', ''z'', 1)', type), 'PT404', 'not_found',
  format('A reaction to a missing %s is refused', type)
)
from unnest(array['post', 'comment']) as type;
delete from public.reaction where subject_id = the('other') and emoji = 'a';
select is(pg_temp.counts(), '4 1 1', 'A removal counts in a deleted post');
select counters_hold();

update public.post set reactions_count = 0 where id = the('post');
select throws_ok(
  $$ delete from public.reaction where subject_id = the('post') $$, '23514', null,
  'A removal cannot make the counter negative'
);
update public.post set reactions_count = 4 where id = the('post');
update public.reaction_count set count = 1 where subject_id = the('post') and emoji = 'a';
select throws_ok(
  $$ delete from public.reaction where subject_id = the('post') $$, '23514', null,
  'A removal cannot make the count of an emoji negative'
);
update public.reaction_count set count = 3 where subject_id = the('post') and emoji = 'a';
select counters_hold();

delete from public.post where id = the('other');
select is_empty(
  $$ select subject_id from public.reaction where subject_id = the('other') $$,
  'Hard-deleting a post deletes its reactions'
);
select is(pg_temp.emoji('other'), null, 'Hard-deleting a post deletes its emoji counts');
delete from public.group_entity where id = the('club');
select is_empty(
  $$
    select subject_id from public.reaction where group_id = the('club')
    union all
    select subject_id from public.reaction_count where subject_id in (the('post'), the('comment'))
  $$,
  'Hard-deleting a group deletes all reactions in it'
);
select counters_hold();

select * from finish();
rollback;
