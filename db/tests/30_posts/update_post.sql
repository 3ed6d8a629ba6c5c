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
  pg_temp.patch('{"body": " New "}') ->> 'body', 'New', 'An author changes a body, which is trimmed'
);
select is((pg_temp.post() ->> 'edited_at')::timestamptz, now(), 'A change sets edited_at');
select is((pg_temp.post() ->> 'updated_at')::timestamptz, now(), 'A change sets updated_at');
select is(
  (pg_temp.post() ->> 'created_at')::timestamptz, now() - interval '1 day',
  'An edited post keeps its place in lists'
);
select events_are(
  array['post.updated'], array['post.updated'], 'A change has one event and one audit entry'
);
select event_is(
  'post.updated', 'member', 'club', 'post', 'post', 'post',
  'The event has the actor, the group and the subject'
);
select is(event() -> 'data', pg_temp.post(), 'The event has the new state');
select is(audited() #>> '{before,body}', 'A post', 'The audit entry has the state before');
select is(audited() #>> '{after,body}', 'New', 'The audit entry has the state after');

select is(pg_temp.patch(patch::jsonb) -> field, value::jsonb, description)
from (values
  ('{"title": " T "}', 'title', '"T"', 'A title is set and trimmed'),
  ('{"body": "Newer"}', 'title', '"T"', 'A field that a patch does not name stays unchanged'),
  ('{"title": " "}', 'title', 'null', 'A blank title becomes null'),
  ('{"title": "T"}', 'body', '"Newer"', 'A body that a patch does not name stays unchanged'),
  ('{"title": null}', 'title', 'null', 'A title is cleared by null'),
  ('{"topic_tags": ["B", "b", " a"]}', 'topic_tags', '["b", "a"]', 'Tags are folded'),
  ('{"topic_tags": []}', 'topic_tags', '[]', 'Tags are cleared by an empty list')
) as changes (patch, field, value, description);
select forget_events();
select is(pg_temp.patch('{}'), pg_temp.post(), 'An empty patch changes nothing');
select is(
  pg_temp.patch('{"body": "Newer ", "title": null}'), pg_temp.post(),
  'A patch with the current values changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');

select throws_fields(
  format('select api.update_post(the(''member''), the(''post''), %L)', patch), fields, description
)
from (values
  ('{"body": ""}', '{body}'::text[], 'An empty body is refused'),
  ('{"body": null}', '{body}', 'A null body is refused'),
  ('{"body": 1}', '{body}', 'A body that is no string is refused'),
  ('{"title": true}', '{title}', 'A title that is no string is refused'),
  ('{"topic_tags": [1]}', '{topic_tags}', 'Tags that are no strings are refused'),
  ('{"is_pinned": true}', '{is_pinned}', 'The pin is not a field of the patch'),
  ('{"author_id": null}', '{author_id}', 'The author is not a field of the patch'),
  ('"x"', '{body}', 'A patch is a JSON object')
) as wrong (patch, fields, description);
select throws_fields(
  $$ select api.update_post(the('member'), the('post'), jsonb_build_object('title', repeat('a', 141))) $$,
  array['title'], 'A title has at most 140 characters'
);
select throws_code(
  format($$ select api.update_post(the(%L), the('post'), '{"body": ""}') $$, actor),
  'PT403', 'forbidden',
  format('The %s cannot change the post of another author', actor)
)
from unnest(array['stranger', 'admin', 'owner']) as actor;
select from api.mute_member(the('moderator'), the('club'), the('member'), now() + interval '1 day');
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'muted',
  'A muted author cannot change a post'
);
select from api.unmute_member(the('moderator'), the('club'), the('member'));
select from api.leave_group(the('member'), the('club'));
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'forbidden',
  'An author who left cannot change a post'
);
select from api.ban_member(the('admin'), the('club'), the('member'));
select throws_code(
  $$ select api.update_post(the('member'), the('post'), '{"body": "x"}') $$, 'PT403', 'banned',
  'A banned author cannot change a post'
);
select from api.delete_post(the('moderator'), the('pinned'));
select throws_code(
  $$ select api.update_post(the('moderator'), the('pinned'), '{"body": "x"}') $$,
  'PT403', 'forbidden', 'Deleted content cannot be changed'
);
select counters_hold();

select * from finish();
rollback;
