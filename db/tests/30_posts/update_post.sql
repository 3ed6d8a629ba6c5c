-- Changing a post. Proves rules 02.12, 04.11, 04.12, 30.3, 30.6 and 30.10.
begin;
select plan(36);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member', array[own('chess')]);
select make_post('pinned', 'club', 'moderator');
select sudo($$
  update post set created_at = now() - interval '1 day', updated_at = now() - interval '1 day'
$$);
select forget_events();
set local role communities_job;

create function pg_temp.post() returns jsonb language sql as $$
  select to_jsonb(p) from api.get_post(null, the('post')) as p
$$;
create function pg_temp.patch(p_patch jsonb) returns jsonb language sql as $$
  select to_jsonb(p) from api.update_post(the('member'), the('post'), p_patch) as p
$$;

select is(
  pg_temp.patch('{"body": " New "}') ->> 'body', 'New', 'An author changes a body, and it is trimmed'
);
select is((pg_temp.post() ->> 'edited_at')::timestamptz, now(), 'A post tells that it was edited');
select is((pg_temp.post() ->> 'updated_at')::timestamptz, now(), 'And updated');
select is(
  (pg_temp.post() ->> 'created_at')::timestamptz, now() - interval '1 day',
  'An edited post keeps its place in lists'
);
select events_are(array['post.updated'], array['post.updated'], 'A change is one event, audited');
select event_is('post.updated', 'member', 'club', 'post', 'post', 'post', 'The event tells who, where and what');
select is(event() -> 'data', pg_temp.post(), 'The event holds the new post');
select is(audited() #>> '{before,body}', 'A post', 'The audit log holds what was before');
select is(audited() #>> '{after,body}', 'New', 'And what came after');

select is(pg_temp.patch(patch::jsonb) -> field, value::jsonb, description)
from (values
  ('{"title": " T "}', 'title', '"T"', 'A title is set and trimmed'),
  ('{"body": "Newer"}', 'title', '"T"', 'A field that a patch does not name stays'),
  ('{"title": " "}', 'title', 'null', 'A title that is blank is cleared'),
  ('{"title": "T"}', 'body', '"Newer"', 'A body that a patch does not name stays'),
  ('{"title": null}', 'title', 'null', 'A title is cleared by null'),
  ('{"topic_tags": ["B", "b", " a"]}', 'topic_tags', '["b", "a"]', 'Tags are folded'),
  ('{"topic_tags": []}', 'topic_tags', '[]', 'Tags are taken away')
) as changes (patch, field, value, description);
select forget_events();
select is(pg_temp.patch('{}'), pg_temp.post(), 'An empty patch changes nothing');
select is(
  pg_temp.patch('{"body": "Newer ", "title": null}'), pg_temp.post(),
  'A patch of what is there already changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');

select throws_fields(
  format('select api.update_post(the(''member''), the(''post''), %L)', patch), fields, description
)
from (values
  ('{"body": ""}', '{body}'::text[], 'A body is not empty'),
  ('{"body": null}', '{body}', 'A body is not cleared'),
  ('{"body": 1}', '{body}', 'A body is a text'),
  ('{"title": true}', '{title}', 'A title is a text'),
  ('{"topic_tags": [1]}', '{topic_tags}', 'Tags are texts'),
  ('{"is_pinned": true}', '{is_pinned}', 'Nobody pins by a patch'),
  ('{"author_id": null}', '{author_id}', 'Nobody changes the author'),
  ('"x"', '{body}', 'A patch is an object')
) as wrong (patch, fields, description);
select throws_fields(
  $$ select api.update_post(the('member'), the('post'), jsonb_build_object('title', repeat('a', 141))) $$,
  array['title'], 'A title has 140 characters at most'
);
select throws_code(
  format($$ select api.update_post(the(%L), the('post'), '{"body": ""}') $$, actor), 'PT403', 'forbidden',
  format('The %s does not change another''s post', actor)
)
from unnest(array['stranger', 'admin', 'owner']) as actor;
select from api.mute_member(the('moderator'), the('club'), the('member'), now() + interval '1 day');
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'muted',
  'A muted author changes nothing'
);
select from api.unmute_member(the('moderator'), the('club'), the('member'));
select from api.leave_group(the('member'), the('club'));
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'forbidden',
  'An author who has left changes nothing'
);
select from api.ban_member(the('admin'), the('club'), the('member'));
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'banned',
  'Nor does one who is banned'
);
select from api.delete_post(the('moderator'), the('pinned'));
select throws_code(
  $$ select api.update_post(the('moderator'), the('pinned'), '{"body": "x"}') $$, 'PT403', 'forbidden',
  'What is deleted is restored before it is changed'
);
select counters_hold();

select * from finish();
rollback;
