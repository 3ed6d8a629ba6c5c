-- Listing the comments of a post. Proves rules 03.5, 40.5, 40.6 and 82.1.
begin;
select plan(40);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_post('other', 'club');
-- a          e (no replies)
-- ├ b ─ c    f ─ g ─ h
-- └ d
select make_comment('a', 'post', 'member', null, 'a');
select make_comment('b', 'post', 'admin', 'a', 'b');
select make_comment('c', 'post', 'member', 'b', 'c');
select make_comment('d', 'post', 'member', 'a', 'd');
select make_comment('e', 'post', 'member', null, 'e');
select make_comment('f', 'post', 'member', null, 'f');
select make_comment('g', 'post', 'member', 'f', 'g');
select make_comment('h', 'post', 'member', 'g', 'h');
select make_comment('x', 'other', 'member', null, 'x');
select make_reaction('comment', 'a', 'member');
select make_media('comment', 'a');
select backdate('comment', name, n * interval '1 hour')
from (values ('a', 8), ('b', 5), ('c', 5), ('d', 5), ('e', 3), ('f', 2), ('g', 1)) as t (name, n);
set local role communities_job;

-- The bodies that a caller finds, in order; a tombstone shows as a cross.
create function pg_temp.found(p_actor text, p_filters text default '') returns text
language plpgsql as $$
declare
  v_found text;
begin
  execute format(
    $q$
      select string_agg(case when body = '' then '+' else body end, ' ')
      from api.list_comments(the(%L), the('post')%s)
    $q$,
    p_actor, p_filters
  ) into v_found;
  return v_found;
end
$$;
create function pg_temp.ids(p_list text) returns uuid[] language plpgsql as $$
declare
  v_ids uuid[];
begin
  execute format('select array_agg(id order by created_at, id) from api.%s', p_list) into v_ids;
  return v_ids;
end
$$;

select is(left(pg_temp.found('anonymous'), 1), 'a', 'The oldest comes first');
select is(right(pg_temp.found('anonymous'), 7), 'e f g h', 'The newest comes last');
select is(
  (select array_agg(id) from api.list_comments(null, the('post'))),
  pg_temp.ids($$list_comments(null, the('post'))$$), 'Comments of one instant are ordered by id'
);
select is(
  (select string_agg(body, '' order by body) from api.list_comments(null, the('post'))), 'abcdefgh',
  'All depths are in the list, other posts'' comments are not'
);
select bag_eq(
  $$ select body from api.list_comments(null, the('post'), the('a')) $$, array['b', 'd'],
  'With a parent the list holds its direct replies'
);
select is(pg_temp.found('anonymous', ', the(''e'')'), null, 'A comment without replies has none');
select is(pg_temp.found('anonymous', ', the(''x'')'), null, 'A parent of another post has none here');
select is(pg_temp.found('anonymous', ', gen_random_uuid()'), null, 'Nor has one that is not there');

-- Tombstones
select from api.delete_comment(the('member'), the('e'));
select unalike(pg_temp.found(actor), '%e%', format('A deleted comment without replies is gone: %s', actor))
from unnest(array['anonymous', 'member', 'moderator']) as actor;
select from api.delete_comment(the('member'), the('a'));
select is(
  (
    select to_jsonb(c) - 'id' - 'created_at' from api.list_comments(the(actor), the('post')) as c
    where id = the('a')
  ),
  jsonb_build_object(
    'post_id', the('post'), 'parent_id', null, 'author_id', null, 'body', '', 'depth', 0,
    'reactions_count', 0, 'reactions', '[]'::json, 'media', '[]'::json, 'updated_at', now(),
    'edited_at', null, 'deleted_at', now()
  ),
  format('A deleted comment with a living reply is a tombstone without author and content: %s', actor)
)
from unnest(array['anonymous', 'member', 'moderator']) as actor;
select from api.delete_comment(the('admin'), the('b'));
select is(
  (select string_agg(body, '' order by body) from api.list_comments(null, the('post'))), 'cdfgh',
  'The living ones keep what they say'
);
select is(
  (select count(*) from api.list_comments(null, the('post')) where body = ''), 2::bigint,
  'A living reply anywhere below keeps a tombstone'
);
select is(
  (select count(*) from api.list_comments(null, the('post'), the('a'))), 2::bigint,
  'A tombstone is among the direct replies, too'
);
select from api.delete_comment(the('member'), the('d'));
select from api.delete_comment(the('member'), the('c'));
select is(
  pg_temp.found('anonymous'), 'f g h', 'When the last living reply goes, all tombstones above it go'
);
select is(pg_temp.found('moderator'), 'f g h', 'For moderators, too');
select from api.restore_comment(the('moderator'), the('c'));
select is(
  (select count(*) from api.list_comments(null, the('post')) where body = ''), 2::bigint,
  'When it is restored, they are back'
);

-- Deleted ones, for moderators
select bag_eq(
  $$ select body, author_id is null from api.list_comments(the('moderator'), the('post'), null, true) $$,
  $$ values ('a', false), ('b', false), ('d', false), ('e', false) $$,
  'A moderator may ask for the deleted ones, and gets only those, whole'
);
select bag_eq(
  $$ select body from api.list_comments(the('moderator'), the('post'), the('a'), true) $$,
  array['b', 'd'], 'And for those below a parent'
);
select is(
  pg_temp.found('anonymous', ', p_deleted => null'), pg_temp.found('anonymous'),
  'Without asking there is the list as for anyone'
);
select throws_code(
  format('select * from api.list_comments(the(%L), the(''post''), p_deleted => true)', actor), state, code,
  format('The list of deleted comments is closed to the %s', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'banned'), ('member', 'PT403', 'forbidden')
) as refused (actor, state, code);

-- Walks
select is(
  walk(list, direction, false),
  (
    select array_agg(id order by case when direction = 'after' then nr else -nr end)
    from unnest(pg_temp.ids(list)) with ordinality as i (id, nr)
  ),
  format('A walk %s meets every comment once: %s', direction, list)
)
from unnest(array['before', 'after']) as direction
cross join unnest(array[
  $$list_comments(the('member'), the('post'))$$,
  $$list_comments(the('member'), the('post'), the('a'))$$,
  $$list_comments(the('owner'), the('post'), p_deleted => true)$$
]) as list;
select is(
  (select string_agg(body, ' ') from api.list_comments(
    null, the('post'), p_limit => 2, p_before => cursor(now() + interval '1 day', the('a'))
  )),
  'g h', 'A page before the end holds the newest, in the list''s own order'
);
select throws_fields(
  format('select * from api.list_comments(null, the(''post''), p_limit => %s)', n),
  array['limit'], format('A page has not %s comments', n)
)
from unnest(array['0', '101']) as n;
select throws_fields(
  format('select * from api.list_comments(null, the(''post''), p_before => %L, p_after => %1$L)',
    cursor(now(), the('a'))),
  array['before'], 'A page is not before and after at once'
);
select throws_code(
  format('select * from api.list_comments(null, the(''post''), p_%s => ''x'')', direction),
  'PT400', 'invalid_cursor', format('A page starts %s a cursor', direction)
)
from unnest(array['before', 'after']) as direction;
select counters_hold();

select * from finish();
rollback;
