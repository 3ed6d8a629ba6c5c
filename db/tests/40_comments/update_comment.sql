-- Changing a comment. Proves rules 40.2 and 40.7.
begin;
select plan(30);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post', 'member');
select make_comment('gone', 'post', 'moderator');
select sudo($$ update comment set updated_at = now() - interval '1 day' $$);
select forget_events();
set local role communities_job;

create function pg_temp.comment() returns jsonb language sql as $$
  select to_jsonb(c) from api.get_comment(null, the('comment')) as c
$$;
create function pg_temp.patch(p_patch jsonb) returns jsonb language sql as $$
  select to_jsonb(c) from api.update_comment(the('member'), the('comment'), p_patch) as c
$$;

select is(
  pg_temp.patch('{"body": " New "}') ->> 'body', 'New', 'An author changes a body, which is trimmed'
);
select is((pg_temp.comment() ->> 'edited_at')::timestamptz, now(), 'A change sets edited_at');
select is((pg_temp.comment() ->> 'updated_at')::timestamptz, now(), 'A change sets updated_at');
select events_are(
  array['comment.updated'], array['comment.updated'], 'A change has one event and one audit entry'
);
select event_is(
  'comment.updated', 'member', 'club', 'post', 'comment', 'comment',
  'The event has the actor, the group and the subject'
);
select is(event() -> 'data', pg_temp.comment(), 'The event has the new state');
select is(audited() #>> '{before,body}', 'A comment', 'The audit entry has the state before');
select is(audited() #>> '{after,body}', 'New', 'The audit entry has the state after');
select forget_events();
select is(pg_temp.patch('{}'), pg_temp.comment(), 'An empty patch changes nothing');
select is(
  pg_temp.patch('{"body": " New"}'), pg_temp.comment(),
  'A patch with the current values changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');

select throws_fields(
  format('select api.update_comment(the(''member''), the(''comment''), %L)', patch), fields,
  description
)
from (values
  ('{"body": ""}', '{body}'::text[], 'An empty body is refused'),
  ('{"body": "  "}', '{body}', 'A blank body is refused'),
  ('{"body": null}', '{body}', 'A null body is refused'),
  ('{"body": ["x"]}', '{body}', 'A body that is no string is refused'),
  ('{"depth": 1}', '{depth}', 'The depth is not a field of the patch'),
  ('{"parent_id": null}', '{parent_id}', 'The parent is not a field of the patch'),
  ('["body"]', '{body}', 'A patch is a JSON object')
) as wrong (patch, fields, description);
select throws_fields(
  $$
    select api.update_comment(
      the('member'), the('comment'), jsonb_build_object('body', repeat('a', 10001))
    )
  $$,
  array['body'], 'A body has at most 10,000 characters'
);
select throws_code(
  format($$ select api.update_comment(the(%L), the('comment'), '{"body": "x"}') $$, actor),
  state, code,
  format('The %s cannot change the comment of another author', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'forbidden'), ('moderator', 'PT403', 'forbidden'), ('owner', 'PT403',
    'forbidden')
) as refused (actor, state, code);
select from api.mute_member(the('moderator'), the('club'), the('member'), now() + interval '1 day');
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$, 'PT403', 'muted',
  'A muted author cannot change a comment'
);
select from api.unmute_member(the('moderator'), the('club'), the('member'));
select from api.leave_group(the('member'), the('club'));
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$,
  'PT403', 'forbidden', 'An author who left cannot change a comment'
);
select from api.ban_member(the('admin'), the('club'), the('member'));
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$,
  'PT403', 'banned', 'A banned author cannot change a comment'
);
select from api.delete_comment(the('moderator'), the('gone'));
select throws_code(
  $$ select api.update_comment(the('moderator'), the('gone'), '{"body": "x"}') $$,
  'PT403', 'forbidden', 'Deleted content cannot be changed'
);
select throws_code(
  $$ select api.update_comment(the('owner'), gen_random_uuid(), '{"body": "x"}') $$,
  'PT404', 'not_found', 'A missing comment is not found'
);
select counters_hold();

select * from finish();
rollback;
