-- Shapes: the fields of each, and the fields that depend on the viewer.
-- Proves rules 03.1, 03.2, 03.3, 03.4, 03.6 and 03.7.
begin;
select plan(32);

create temporary table shapes as
select name, string_to_array(fields, ' ') as fields
from (values
  ('groups', 'id name slug description visibility campus_id avatar_url cover_url tags is_locked '
    'members_count role created_by created_at updated_at deleted_at'),
  ('members', 'id group_id user_id role joined_at muted_until is_banned ban_reason banned_until '
    'created_at'),
  ('posts', 'id group_id author_id title body topic_tags media reactions media_count '
    'reactions_count comments_count is_pinned created_at updated_at edited_at deleted_at'),
  ('comments', 'id post_id parent_id author_id body depth reactions_count reactions media '
    'created_at updated_at edited_at deleted_at'),
  ('reactions', 'id subject_type subject_id user_id emoji created_at'),
  ('media', 'id subject_type subject_id key url mime size_bytes width height created_by '
    'created_at'),
  ('tags', 'id tag posts_count created_at'),
  ('invites', 'id group_id code user_id role max_uses uses expires_at created_by created_at'),
  ('join_requests', 'id group_id user_id status created_at')
) as contract (name, fields);

select is(
  array(
    select attname::text from pg_attribute
    where attrelid = ('api.' || name)::regclass and attnum > 0 order by attname collate "C"
  ),
  array(select f from unnest(fields) as f order by f collate "C"),
  format('The shape %s has the fields of the contract', name)
)
from shapes order by name;

select make_group('club');
select make_cast('club');
select make_post('post', 'club', 'member');
select make_comment('comment', 'post', 'member');
select make_reaction('post', 'post', 'member', '🎉');
select make_reaction('post', 'post', 'member', '👍');
select make_reaction('post', 'post', 'admin', '👍');
select make_reaction('comment', 'comment', 'member', '👍');
select make_media('post', 'post');
select make_media('comment', 'comment');
set local role communities_job;

select is(
  (select reactions::jsonb from api.get_post(the(viewer), the('post'))),
  expected::jsonb, description
)
from (values
  ('member', '[{"emoji": "👍", "count": 2, "reacted": true},
    {"emoji": "🎉", "count": 1, "reacted": true}]',
    'A post shows its reactions, most used first, and marks the viewer''s own'),
  ('admin', '[{"emoji": "👍", "count": 2, "reacted": true},
    {"emoji": "🎉", "count": 1, "reacted": false}]', 'reacted depends on the viewer'),
  ('anonymous', '[{"emoji": "👍", "count": 2, "reacted": false},
    {"emoji": "🎉", "count": 1, "reacted": false}]', 'reacted is false for an anonymous viewer')
) as seen (viewer, expected, description);
select is(
  (select reactions::jsonb from api.get_comment(the('member'), the('comment'))),
  '[{"emoji": "👍", "count": 1, "reacted": true}]', 'A comment shows its reactions'
);
select is(
  (select reactions::jsonb from api.list_posts(the('member'), the('club'))),
  (select reactions::jsonb from api.get_post(the('member'), the('post'))),
  'A list returns the same shape of a post as get_post'
);
select is(
  (select to_jsonb(c) from api.list_comments(the('member'), the('post')) as c),
  (select to_jsonb(c) from api.get_comment(the('member'), the('comment')) as c),
  'A list returns the same shape of a comment as get_comment'
);
select is(
  (
    select array(select k from json_object_keys(media -> 0) as k order by k collate "C")
    from api.get_post(null, the('post'))
  ),
  array[
    'created_at', 'created_by', 'height', 'id', 'key', 'mime', 'size_bytes', 'subject_id',
    'subject_type', 'url', 'width'
  ],
  'A post shows its attachments'
);
select is(
  (select media -> 0 ->> 'subject_id' from api.get_comment(null, the('comment'))),
  the('comment')::text, 'A comment shows its attachments'
);
select is(
  (select media -> 0 ->> 'url' from api.get_comment(null, the('comment'))),
  (select 's3:' || (media -> 0 ->> 'key') from api.get_comment(null, the('comment'))),
  'The URL of an attachment is a placeholder with its key'
);
select is(
  (select role from api.get_group(the(viewer), the('club'))), role,
  format('The role of the %s is %s', viewer, coalesce(role, 'null'))
)
from (values
  ('anonymous', null), ('stranger', null), ('banned', null), ('muted', 'member'),
  ('moderator', 'moderator'), ('owner', 'owner')
) as roles (viewer, role);
select is(
  (select role from api.list_groups(the('admin'), p_mine => true)), 'admin',
  'A list shows the viewer''s role'
);
select is(
  (select avatar_url from api.get_group(null, the('club'))), null,
  'The URL of a missing avatar is null'
);
select sudo($$ update group_entity set avatar_key = 'pictures/1' where id = the('club') $$);
select is(
  (select avatar_url from api.get_group(null, the('club'))), 's3:pictures/1',
  'The URL of an avatar is a placeholder with its key'
);

select make_reaction('post', 'post', 'moderator', chr(97 + n)) from generate_series(0, 24) as n;
select is(
  (select json_array_length(reactions) from api.get_post(null, the('post'))), 20,
  'A post shows its 20 most used emoji'
);
select is(
  (select reactions_count from api.get_post(null, the('post'))), 28,
  'reactions_count counts all reactions'
);
select is(
  json_array_length(api.summarise_reactions(null, 'post', the('post'))), 27,
  'The summary shows all emoji'
);

select make_banned('former', 'club', '-1 second');
select is(
  (select jsonb_build_array(is_banned, ban_reason, banned_until)
    from api.unmute_member(the('owner'), the('club'), the('former'))),
  '[false, null, null]', 'An expired ban is not shown'
);
select counters_hold();

select * from finish();
rollback;
