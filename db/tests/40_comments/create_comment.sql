-- Writing a comment or a reply. 04_policy/matrix.sql tests the rights.
-- Proves rules 05.8, 40.1, 40.2, 40.3 and 40.4.
begin;
select plan(27);

select make_group('club', 'private');
select make_cast('club');
select make_post('post', 'club');
select make_post('other', 'club');
select make_comment('elsewhere', 'other');
select forget_events();
set local role communities_job;

select remember(
  'comment', id) from api.create_comment(the('member'), the('post'), E' \n Nice!\u00a0'
);
select is(
  (select to_jsonb(c) - 'id' from api.get_comment(the('member'), the('comment')) as c),
  jsonb_build_object(
    'post_id', the('post'), 'parent_id', null, 'author_id', the('member'), 'body', 'Nice!', 'depth', 0,
    'reactions_count', 0, 'reactions', '[]'::json, 'media', '[]'::json, 'created_at', now(),
    'updated_at', now(), 'edited_at', null, 'deleted_at', null
  ),
  'A new comment has the given body, trimmed'
);
select events_are(
  array['comment.created'], array[]::text[], 'A new comment has one event and no audit entry'
);
select event_is(
  'comment.created', 'member', 'club', 'post', 'comment', 'comment',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', (select to_jsonb(c) from api.get_comment(the('member'), the('comment')) as c),
  'The event has the comment'
);
select is(
  (select comments_count from api.get_post(the('member'), the('post'))), 1,
    'A new comment counts in its post'
);

-- Replies
select remember('r0', the('comment'));
select make_comment('r' || n, 'post', 'admin', 'r' || n - 1) from generate_series(1, 5) as n;
select is(
  (select (parent_id, depth)::text from api.get_comment(the('member'), the('r' || n))),
  (the('r' || n - 1), n)::text, format('A reply is one deeper than its parent: %s', n)
)
from generate_series(1, 5) as n;
select throws_fields(
  $$ select api.create_comment(the('member'), the('post'), 'x', the('r5')) $$, array['parent_id'],
  'A reply to a comment of depth 5 is refused'
);
select is(
  (select comments_count from api.get_post(the('member'), the('post'))), 6,
    'Replies count in the post'
);
select throws_fields(
  format('select api.create_comment(the(''member''), the(''post''), ''x'', %s)', parent),
  array['parent_id'], description
)
from (values
  ($$the('elsewhere')$$, 'A parent of another post is refused'),
  ($$the('post')$$, 'The post as a parent is refused'),
  ('gen_random_uuid()', 'A missing parent is refused')
) as wrong (parent, description);
select from api.delete_comment(the('admin'), the('r2'));
select throws_fields(
  format($$ select api.create_comment(the(%L), the('post'), 'x', the('r2')) $$, actor),
  array['parent_id'], format('The %s cannot reply to a deleted comment', actor)
)
from unnest(array['member', 'moderator']) as actor;
select lives_ok(
  $$ select api.create_comment(the('member'), the('post'), 'x', the('r3')) $$,
  'Members may reply to a comment below a deleted one'
);

-- Limits
select throws_fields(
  format('select api.create_comment(the(''member''), the(''post''), %s)', body), array['body'],
  description
)
from (values
  ($$''$$, 'A comment is not empty'), ('null', 'A comment has a body'),
  ($$E'\u2003\t'$$, 'A comment is not blank'),
  ($$repeat('a', 10001)$$, 'A comment has at most 10,000 characters')
) as wrong (body, description);
select throws_fields(
  $$ select api.create_comment(the('member'), the('post'), '', the('r5')) $$,
  array['body', 'parent_id'], 'One error names all invalid fields'
);
select lives_ok(
  $$ select api.create_comment(the('member'), the('post'), ' ' || repeat('👍', 10000)) $$,
  'Lengths count characters after trimming'
);
select throws_code(
  $$ select api.create_comment(the('muted'), the('post'), '') $$, 'PT403', 'muted',
  'A muted member learns nothing about an invalid argument'
);
select throws_code(
  $$ select api.create_comment(the('member'), gen_random_uuid(), 'x') $$, 'PT404', 'not_found',
  'A missing post is not found'
);
select counters_hold();

select * from finish();
rollback;
