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
  pg_temp.patch('{"body": " New "}') ->> 'body', 'New', 'An author changes a body, and it is trimmed'
);
select is((pg_temp.comment() ->> 'edited_at')::timestamptz, now(), 'A comment tells that it was edited');
select is((pg_temp.comment() ->> 'updated_at')::timestamptz, now(), 'And updated');
select events_are(array['comment.updated'], array['comment.updated'], 'A change is one event, audited');
select event_is(
  'comment.updated', 'member', 'club', 'post', 'comment', 'comment', 'The event tells who, where and what'
);
select is(event() -> 'data', pg_temp.comment(), 'The event holds the new comment');
select is(audited() #>> '{before,body}', 'A comment', 'The audit log holds what was before');
select is(audited() #>> '{after,body}', 'New', 'And what came after');
select forget_events();
select is(pg_temp.patch('{}'), pg_temp.comment(), 'An empty patch changes nothing');
select is(pg_temp.patch('{"body": " New"}'), pg_temp.comment(), 'Nor does a patch of what is there already');
select events_are(array[]::text[], array[]::text[], 'And leaves no event');

select throws_fields(
  format('select api.update_comment(the(''member''), the(''comment''), %L)', patch), fields, description
)
from (values
  ('{"body": ""}', '{body}'::text[], 'A body is not empty'),
  ('{"body": "  "}', '{body}', 'A body is not blank'),
  ('{"body": null}', '{body}', 'A body is not cleared'),
  ('{"body": ["x"]}', '{body}', 'A body is a text'),
  ('{"depth": 1}', '{depth}', 'Nobody changes the depth'),
  ('{"parent_id": null}', '{parent_id}', 'Nor the parent'),
  ('["body"]', '{body}', 'A patch is an object')
) as wrong (patch, fields, description);
select throws_fields(
  $$
    select api.update_comment(
      the('member'), the('comment'), jsonb_build_object('body', repeat('a', 10001))
    )
  $$,
  array['body'], 'A body has 10,000 characters at most'
);
select throws_code(
  format($$ select api.update_comment(the(%L), the('comment'), '{"body": "x"}') $$, actor), state, code,
  format('The %s does not change another''s comment', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'forbidden'), ('moderator', 'PT403', 'forbidden'), ('owner', 'PT403', 'forbidden')
) as refused (actor, state, code);
select from api.mute_member(the('moderator'), the('club'), the('member'), now() + interval '1 day');
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$, 'PT403', 'muted',
  'A muted author changes nothing'
);
select from api.unmute_member(the('moderator'), the('club'), the('member'));
select from api.leave_group(the('member'), the('club'));
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$, 'PT403', 'forbidden',
  'An author who has left changes nothing'
);
select from api.ban_member(the('admin'), the('club'), the('member'));
select throws_code(
  $$ select api.update_comment(the('member'), the('comment'), '{"body": "x"}') $$, 'PT403', 'banned',
  'Nor does one who is banned'
);
select from api.delete_comment(the('moderator'), the('gone'));
select throws_code(
  $$ select api.update_comment(the('moderator'), the('gone'), '{"body": "x"}') $$, 'PT403', 'forbidden',
  'What is deleted is restored before it is changed'
);
select throws_code(
  $$ select api.update_comment(the('owner'), gen_random_uuid(), '{"body": "x"}') $$,
  'PT404', 'not_found', 'A comment that is not there is not changed'
);
select counters_hold();

select * from finish();
rollback;
