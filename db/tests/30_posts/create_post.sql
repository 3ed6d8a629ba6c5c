-- Creating a post. 04_policy/matrix.sql tests the rights.
-- Proves rules 04.16, 05.1, 05.8, 30.1, 30.2 and 30.3.
begin;
select plan(33);

select make_group('club', 'private');
select make_cast('club');
select forget_events();
set local role communities_job;

select remember('post', id) from api.create_post(
  the('member'), the('club'), E' \n Hello, all!\u00a0', E'\tA title ', array['Chess', ' GO', 'chess']
);
select is(
  (select to_jsonb(p) - 'id' from api.get_post(the('member'), the('post')) as p),
  jsonb_build_object(
    'group_id', the('club'), 'author_id', the('member'), 'title', 'A title', 'body', 'Hello, all!',
    'topic_tags', array['chess', 'go'], 'media', '[]'::json, 'reactions', '[]'::json,
    'media_count', 0, 'reactions_count', 0, 'comments_count', 0, 'is_pinned', false,
    'created_at', now(), 'updated_at', now(), 'edited_at', null, 'deleted_at', null
  ),
  'A new post has the given fields, with texts trimmed and tags folded'
);
select events_are(
  array['post.created'], array[]::text[], 'A new post has one event and no audit entry'
);
select event_is(
  'post.created', 'member', 'club', 'post', 'post', 'post',
  'The event has the actor, the group and the subject'
);
select is(
  event() -> 'data', (select to_jsonb(p) from api.get_post(the('member'), the('post')) as p),
  'The event has the post'
);
select is(
  (select to_jsonb(p) - 'id' from api.create_post(the('admin'), the('club'), 'Just words') as p)
    -> 'title',
  'null', 'A title is optional'
);
select is(
  (select title from api.create_post(the('admin'), the('club'), 'Just words', '  ')), null,
  'A blank title is null'
);
select is(
  (select body from api.create_post(the('admin'), the('club'), 'a' || chr(10) || chr(10) || 'b')),
  'a' || chr(10) || chr(10) || 'b', 'White space within a body stays'
);

-- Locked groups
select from api.update_group(the('owner'), the('club'), '{"is_locked": true}');
select outcomes_are(
  'Posting in a locked group', $$select api.create_post(the(%L), the('club'), 'x')$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, muted muted, '
  'member group_locked, moderator ok, admin ok, owner ok'
);
select lives_ok(
  $$ select api.create_comment(the('member'), the('post'), 'x') $$,
  'Members may comment in a locked group'
);
select lives_ok(
  $$ select api.update_post(the('member'), the('post'), '{"body": "Hello again"}') $$,
  'Authors may edit posts in a locked group'
);
select from api.update_group(the('owner'), the('club'), '{"is_locked": false}');

-- Limits
select throws_fields(
  format('select api.create_post(the(''member''), the(''club''), %s)', arguments), fields,
  description
)
from (values
  ($$''$$, '{body}'::text[], 'A body is not empty'),
  ($$null$$, '{body}', 'A body is required'),
  ($$E' \u3000\n'$$, '{body}', 'A body is not blank'),
  ($$repeat('a', 40001)$$, '{body}', 'A body has at most 40,000 characters'),
  ($$'a', repeat('a', 141)$$, '{title}', 'A title has at most 140 characters'),
  ($$'a', null, '{a,b,c,d,e,f,g,h,i,j,k}'$$, '{topic_tags}', 'A post has at most 10 tags'),
  ($$'a', null, array[repeat('a', 51)]$$, '{topic_tags}', 'A tag has at most 50 characters'),
  ($$'a', null, '{" "}'$$, '{topic_tags}', 'A tag is not blank'),
  ($$'', repeat('a', 141), '{""}'$$, '{title,body,topic_tags}',
    'One error names all invalid fields')
) as wrong (arguments, fields, description);
select lives_ok(
  format('select api.create_post(the(''member''), the(''club''), %s)', arguments), description
)
from (values
  ($$repeat('👍', 40000), repeat('é', 140)$$, 'Lengths count characters'),
  ($$' ' || repeat('a', 40000) || ' ', ' ' || repeat('a', 140)$$, 'Lengths count after trimming'),
  ($$'a', null, '{a,b,c,d,e,f,g,h,i,j,A, b}'$$, 'Repeated tags count once'),
  ($$'a', null, null$$, 'Null tags mean no tags')
) as right_ones (arguments, description);
select throws_code(
  $$ select api.create_post(the('muted'), the('club'), '') $$, 'PT403', 'muted',
  'A muted member learns nothing about an invalid argument'
);
select throws_code(
  $$ select api.create_post(the('member'), gen_random_uuid(), 'x') $$, 'PT404', 'not_found',
  'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
