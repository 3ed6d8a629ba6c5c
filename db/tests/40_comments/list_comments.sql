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

-- Returns the bodies of the listed comments, in order, with + for a tombstone.
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

select is(left(pg_temp.found('anonymous'), 1), 'a', 'The oldest row is the first');
select is(right(pg_temp.found('anonymous'), 7), 'e f g h', 'The newest comment is the last');
select is(
  (select array_agg(id) from api.list_comments(null, the('post'))),
  array(select id from api.list_comments(null, the('post')) order by created_at, id),
  'Comments of the same time are ordered by id'
);
select is(
  (select string_agg(body, '' order by body) from api.list_comments(null, the('post'))), 'abcdefgh',
  'The list has all depths, and no comment of another post'
);
select bag_eq(
  $$ select body from api.list_comments(null, the('post'), the('a')) $$, array['b', 'd'],
  'A parent selects its direct replies'
);
select is(
  pg_temp.found('anonymous', ', the(''e'')'), null, 'A parent without replies selects none'
);
select is(
  pg_temp.found('anonymous', ', the(''x'')'), null, 'A parent of another post selects none'
);
select is(pg_temp.found('anonymous', ', gen_random_uuid()'), null, 'A missing parent selects none');

-- Tombstones
select from api.delete_comment(the('member'), the('e'));
select unalike(pg_temp.found(actor), '%e%',
format('A deleted comment without replies is not listed: %s', actor))
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
  format('A deleted comment above a reply is a tombstone without author and content: %s', actor)
)
from unnest(array['anonymous', 'member', 'moderator']) as actor;
select from api.delete_comment(the('admin'), the('b'));
select is(
  (select string_agg(body, '' order by body) from api.list_comments(null, the('post'))), 'cdfgh',
  'Comments that are not deleted keep their content'
);
select is(
  (select count(*) from api.list_comments(null, the('post')) where body = ''), 2::bigint,
  'A reply at any depth keeps a tombstone'
);
select is(
  (select count(*) from api.list_comments(null, the('post'), the('a'))), 2::bigint,
  'A parent also selects tombstones'
);
select from api.delete_comment(the('member'), the('d'));
select from api.delete_comment(the('member'), the('c'));
select is(
  pg_temp.found('anonymous'), 'f g h', 'Deleting the last reply removes all tombstones above it'
);
select is(pg_temp.found('moderator'), 'f g h', 'Moderators see the same tombstones');
select from api.restore_comment(the('moderator'), the('c'));
select is(
  (select count(*) from api.list_comments(null, the('post')) where body = ''), 2::bigint,
  'Restoring the reply restores the tombstones'
);

-- Deleted comments, for moderators
select bag_eq(
  $$ select body, author_id is null from api.list_comments(the('moderator'), the('post'), null, true) $$,
  $$ values ('a', false), ('b', false), ('d', false), ('e', false) $$,
  'p_deleted selects only the deleted comments, with their content'
);
select bag_eq(
  $$ select body from api.list_comments(the('moderator'), the('post'), the('a'), true) $$,
  array['b', 'd'], 'p_deleted combines with a parent'
);
select is(
  pg_temp.found('anonymous', ', p_deleted => null'), pg_temp.found('anonymous'),
  'A null p_deleted selects the usual list'
);
select throws_code(
  format('select * from api.list_comments(the(%L), the(''post''), p_deleted => true)', actor),
  state, code,
  format('The %s may not list deleted comments', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'banned'), ('member', 'PT403', 'forbidden')
) as refused (actor, state, code);

-- Walks
select walks_are_complete(list, false, description)
from (values
  ($$list_comments(the('member'), the('post'))$$, 'every comment'),
  ($$list_comments(the('member'), the('post'), the('a'))$$, 'every reply to a comment'),
  ($$list_comments(the('owner'), the('post'), p_deleted => true)$$, 'every deleted comment')
) as lists (list, description);
select is(
  (select string_agg(body, ' ') from api.list_comments(
    null, the('post'), p_limit => 2, p_before => cursor(now() + interval '1 day', the('a'))
  )),
  'g h', 'A page before the end has the newest comments, in the order of the list'
);
select throws_fields(
  format('select * from api.list_comments(null, the(''post''), p_limit => %s)', n),
  array['limit'], format('A limit of %s is refused', n)
)
from unnest(array['0', '101']) as n;
select throws_fields(
  format('select * from api.list_comments(null, the(''post''), p_before => %L, p_after => %1$L)',
    cursor(now(), the('a'))),
  array['before'], 'Two cursors are refused'
);
select throws_code(
  format('select * from api.list_comments(null, the(''post''), p_%s => ''x'')', direction),
  'PT400', 'invalid_cursor', format('A malformed cursor %s is refused', direction)
)
from unnest(array['before', 'after']) as direction;
select counters_hold();

select * from finish();
rollback;
