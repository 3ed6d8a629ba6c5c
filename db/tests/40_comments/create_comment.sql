-- Writing a comment or a reply. 04_policy/matrix.sql tests who may.
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

select remember('comment', id) from api.create_comment(the('member'), the('post'), E' \n Nice!\u00a0');
select is(
  (select to_jsonb(c) - 'id' from api.get_comment(the('member'), the('comment')) as c),
  jsonb_build_object(
    'post_id', the('post'), 'parent_id', null, 'author_id', the('member'), 'body', 'Nice!', 'depth', 0,
    'reactions_count', 0, 'reactions', '[]'::json, 'media', '[]'::json, 'created_at', now(),
    'updated_at', now(), 'edited_at', null, 'deleted_at', null
  ),
  'A comment is as it was written, and trimmed'
);
select events_are(array['comment.created'], array[]::text[], 'A new comment is one event');
select event_is(
  'comment.created', 'member', 'club', 'post', 'comment', 'comment', 'The event tells who, where and what'
);
select is(
  event() -> 'data', (select to_jsonb(c) from api.get_comment(the('member'), the('comment')) as c),
  'The event holds the comment'
);
select is(
  (select comments_count from api.get_post(the('member'), the('post'))), 1, 'A comment counts in its post'
);

-- Replies
select remember('r0', the('comment'));
select make_comment('r' || n, 'post', 'admin', 'r' || n - 1) from generate_series(1, 5) as n;
select is(
  (select (parent_id, depth)::text from api.get_comment(the('member'), the('r' || n))),
  (the('r' || n - 1), n)::text, format('A reply lies one below its parent: %s', n)
)
from generate_series(1, 5) as n;
select throws_fields(
  $$ select api.create_comment(the('member'), the('post'), 'x', the('r5')) $$, array['parent_id'],
  'A reply lies at most 5 below the post'
);
select is(
  (select comments_count from api.get_post(the('member'), the('post'))), 6, 'A reply counts in the post, too'
);
select throws_fields(
  format('select api.create_comment(the(''member''), the(''post''), ''x'', %s)', parent),
  array['parent_id'], description
)
from (values
  ($$the('elsewhere')$$, 'A parent is a comment of the same post'),
  ($$the('post')$$, 'The post itself is no parent'),
  ('gen_random_uuid()', 'A parent is there')
) as wrong (parent, description);
select from api.delete_comment(the('admin'), the('r2'));
select throws_fields(
  format($$ select api.create_comment(the(%L), the('post'), 'x', the('r2')) $$, actor),
  array['parent_id'], format('To a deleted comment nobody replies: the %s', actor)
)
from unnest(array['member', 'moderator']) as actor;
select lives_ok(
  $$ select api.create_comment(the('member'), the('post'), 'x', the('r3')) $$,
  'To what lives below it, they do'
);

-- Limits
select throws_fields(
  format('select api.create_comment(the(''member''), the(''post''), %s)', body), array['body'], description
)
from (values
  ($$''$$, 'A comment is not empty'), ('null', 'A comment has a body'),
  ($$E'\u2003\t'$$, 'A comment is not blank'),
  ($$repeat('a', 10001)$$, 'A comment has 10,000 characters at most')
) as wrong (body, description);
select throws_fields(
  $$ select api.create_comment(the('member'), the('post'), '', the('r5')) $$,
  array['body', 'parent_id'], 'All fields at fault are named'
);
select lives_ok(
  $$ select api.create_comment(the('member'), the('post'), ' ' || repeat('👍', 10000)) $$,
  'A comment is counted in characters, after trimming'
);
select throws_code(
  $$ select api.create_comment(the('muted'), the('post'), '') $$, 'PT403', 'muted',
  'What is wrong with a comment is not told to a muted member'
);
select throws_code(
  $$ select api.create_comment(the('member'), gen_random_uuid(), 'x') $$, 'PT404', 'not_found',
  'Nobody comments on a post that is not there'
);
select counters_hold();

select * from finish();
rollback;
