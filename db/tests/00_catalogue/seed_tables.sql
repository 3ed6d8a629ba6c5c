-- Core tables: their columns by name, type and null, and their checks. Additional columns and
-- stricter checks are allowed. Proves rules 10.2, 30.3, 40.2, 40.4, 61.5, 61.8 and 80.2.
begin;
select plan(44);

create temporary table wanted as
select relation, split_part(part, ' ', 1) as name, rtrim(split_part(part, ' ', 2), '?') as type,
  part not like '%?' as required
from (
  values
    ('group_entity', 'id uuid, campus_id uuid?, name text, slug text, description text, '
      'visibility text, avatar_key text?, cover_key text?, is_locked boolean, tags text[], '
      'created_by uuid, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz?'),
    ('group_member', 'id uuid, group_id uuid, user_id uuid, role text, joined_at timestamptz, '
      'muted_until timestamptz?, is_banned boolean, created_at timestamptz, updated_at timestamptz'),
    ('topic_tag', 'id uuid, tag text, created_at timestamptz'),
    ('post', 'id uuid, group_id uuid, author_id uuid, title text?, body text, topic_tags text[], '
      'media_count smallint, reactions_count integer, comments_count integer, is_pinned boolean, '
      'created_at timestamptz, updated_at timestamptz, deleted_at timestamptz?'),
    ('comment',
   'id uuid, post_id uuid, author_id uuid, parent_id uuid?, body text, depth smallint, '
      'reactions_count integer, created_at timestamptz, updated_at timestamptz, '
      'deleted_at timestamptz?'),
    ('reaction', 'id uuid, subject_type text, subject_id uuid, user_id uuid, emoji text, '
      'created_at timestamptz'),
    ('media_attachment', 'id uuid, subject_type text, subject_id uuid, s3_key text, mime text, '
      'size_bytes integer, width integer?, height integer?, created_by uuid, created_at timestamptz'),
    ('outbox_event', 'id bigint, aggregate_type text, aggregate_id uuid, event_type text, '
      'payload jsonb, created_at timestamptz, processed_at timestamptz?')
) as core (relation, columns)
cross join lateral string_to_table(columns, ', ') as part;

select is_empty(
  format(
    $$
      select name, type, required from wanted
      where relation = %L and not exists (
        select from pg_attribute as a
        where a.attrelid = ('public.' || relation)::regclass and a.attname = name
          and a.atttypid = type::regtype and a.attnotnull = required
      )
    $$,
    relation
  ),
  format('The table %s has its core columns', relation)
)
from wanted group by relation order by relation;

select is_empty(
  $$
    select c.relname, a.attname
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
      and (
        a.attname = 'id' and a.atttypid = 'uuid'::regtype
          and pg_get_expr(d.adbin, d.adrelid) is distinct from 'uuid_v7()'
          and pg_get_expr(d.adbin, d.adrelid) is distinct from 'public.uuid_v7()'
        or a.attname in ('created_at', 'updated_at')
          and pg_get_expr(d.adbin, d.adrelid) is distinct from 'now()'
      )
      and c.relname not like 'schema\_migrations%'
  $$,
  'By default an id is a new UUID of version 7, and a time is now()'
);
select is(
  (select array_agg(substr(public.uuid_v7()::text, 15, 1)) from generate_series(1, 20)),
  array_fill('7'::text, array[20]),
  'uuid_v7() returns UUIDs of version 7'
);
select ok(
  (
    select bool_and(substr(id::text, 20, 1) ~ '[89ab]')
    from (select public.uuid_v7() as id from generate_series(1, 50)) as made
  ),
  'uuid_v7() returns UUIDs of the variant of RFC 9562'
);
select cmp_ok(
  abs(
    ('x' || left(replace(public.uuid_v7()::text, '-', ''), 12))::bit(48)::bigint
    - extract(epoch from clock_timestamp()) * 1000
  ),
  '<', 2000::numeric, 'uuid_v7() begins with the current time in milliseconds'
);

-- Each statement writes one invalid value.
select make_group('club');
select make_post('post', 'club');
select make_comment('comment', 'post');
select make_reaction('post', 'post');
select make_media('post', 'post');

select throws_ok(statement, state, null, description)
from (
  values
    (1, 'update group_entity set name = ''ab''', '23514', 'A name has at least 3 characters'),
    (2, 'update group_entity set name = repeat(''a'', 81)', '23514',
      'A name has at most 80 characters'),
    (3, 'update group_entity set visibility = ''hidden''', '23514', 'A visibility is one of three'),
    (4, 'update group_entity set slug = ''ab''', '23514', 'A slug has at least 3 characters'),
    (5, 'update group_entity set slug = ''a b c''', '23514', 'A slug has no spaces'),
    (6, 'update group_entity set description = repeat(''a'', 2001)', '23514',
      'A description has at most 2,000 characters'),
    (7, 'update group_entity set tags = array_fill(''a''::text, array[11])', '23514',
      'A group has at most 10 tags'),
    (8, 'update group_member set role = ''king''', '23514', 'A role is one of four'),
    (9, 'update group_member set is_banned = true', '23514', 'A banned user is not a member'),
    (10, 'update group_member set left_at = now()', '23514', 'A former member has no rank'),
    (11, 'update post set title = repeat(''a'', 141)', '23514',
      'A title has at most 140 characters'),
    (12, 'update post set body = repeat(''a'', 40001)', '23514',
      'A post''s body has at most 40,000 characters'),
    (13, 'update post set body = ''''', '23514', 'A post has a body'),
    (14, 'update post set topic_tags = array_fill(''a''::text, array[11])', '23514',
      'A post has at most 10 tags'),
    (15, 'update post set comments_count = -1', '23514',
      'comments_count of a post is never negative'),
    (16, 'update post set reactions_count = -1', '23514',
      'reactions_count of a post is never negative'),
    (17, 'update post set media_count = -1', '23514', 'media_count of a post is never negative'),
    (18, 'update post set media_count = 11', '23514', 'A post has at most 10 attachments'),
    (19, 'update comment set body = repeat(''a'', 10001)', '23514',
      'A comment has at most 10,000 characters'),
    (20, 'update comment set depth = -1', '23514', 'A comment''s depth is at least 0'),
    (21, 'update comment set depth = 6', '23514', 'A comment''s depth is at most 5'),
    (22, 'update comment set reactions_count = -1', '23514',
      'reactions_count of a comment is never negative'),
    (23, 'update comment set media_count = -1', '23514',
      'media_count of a comment is never negative'),
    (24, 'update comment set media_count = 4', '23514', 'A comment has at most 3 attachments'),
    (25, 'update reaction set subject_type = ''group''', '23514',
      'A reaction belongs to a post or a comment'),
    (26, 'update reaction set emoji = ''''', '23514', 'An emoji has at least 1 character'),
    (27, 'update reaction set emoji = repeat(''a'', 17)', '23514',
      'An emoji has at most 16 characters'),
    (28, 'update reaction_count set count = -1', '23514',
      'The count of an emoji is never negative'),
    (29, 'update media_attachment set subject_type = ''user''', '23514',
      'An attachment belongs to a post, a comment or a group'),
    (30, 'update media_attachment set size_bytes = 0', '23514',
      'An attachment has at least 1 byte'),
    (31, 'update media_attachment set size_bytes = 104857601', '23514',
      'An attachment has at most 104,857,600 bytes'),
    (32, 'insert into group_member (group_id, user_id, role) '
      'select group_id, user_id, ''member'' from group_member', '23505',
      'A user is a member of a group once')
) as refused (nr, statement, state, description)
order by nr;

select * from finish();
rollback;
