-- Current data of events that a client receives late. Proves rules 20.17, 05.4 and 95.6.
begin;
select plan(18);

select make_group('club');
select make_cast('club');
select make_post('post', 'club', 'member', '{}', 'Before');
select make_comment('comment', 'post');
select make_reaction('comment', 'comment', 'member', '🎉');
select make_media('post', 'post');

create function pg_temp.refreshed(
  p_kind text, p_id uuid, p_subject_id uuid default null, p_post_id uuid default null
) returns jsonb
language sql as $$
  select r.data::jsonb from api.refresh_events(
    json_build_array(json_build_object(
      'seq', 7, 'kind', p_kind, 'id', p_id, 'subject_id', p_subject_id, 'post_id', p_post_id
    ))
  ) as r
$$;
create function pg_temp.is_removal(p_data jsonb) returns boolean
language sql as $$
  select array(select jsonb_object_keys(p_data) order by 1) = '{deleted_at,id}'
$$;
create temporary table parts as
select
  (select id from reaction where subject_id = the('comment')) as reaction,
  (select id from media_attachment where subject_id = the('post')) as media,
  (select id from group_member where user_id = the('member') and group_id = the('club')) as member;
grant select on parts to communities_service;
select sudo($$ update post set body = 'After' where id = the('post') $$);
set local role communities_service;

select is(
  (select seq from api.refresh_events('[{"seq": 7, "kind": "post"}]')), 7::bigint,
  'Refreshed data has the position of its event'
);
select is(
  pg_temp.refreshed('post', the('post'), the('post'), the('post')) ->> 'body', 'After',
  'A late event carries the post as it is now'
);
select is(
  pg_temp.refreshed('post', the('post'), the('post'), the('post')) #> '{media,0,subject_id}',
  to_jsonb(the('post')), 'The post of a late event has its attachments'
);
select is(
  pg_temp.refreshed('comment', the('comment'), the('comment'), the('post')) -> 'reactions',
  '[{"emoji": "🎉", "count": 1, "reacted": null}]',
  'The comment of a late event has its reactions, for no viewer'
);
select is(
  pg_temp.refreshed('reaction', reaction, the('comment'), the('post')) ->> 'emoji', '🎉',
  'A late event carries a reaction that exists'
) from parts;
select is(
  pg_temp.refreshed('attachment', media, the('post'), the('post')) ->> 'subject_id',
  the('post')::text, 'A late event carries an attachment that exists'
) from parts;
select is(
  pg_temp.refreshed('group', the('club'), the('club')) ->> 'id', the('club')::text,
  'A late event carries the group as it is now'
);
select is(
  pg_temp.refreshed('member', member, member) ->> 'role', 'member',
  'A late event carries the member as they are now'
) from parts;

select sudo($$
  update group_member set role = 'member', left_at = now(), is_banned = true,
    ban_reason = 'Spam', banned_until = now() + interval '1 day'
  where user_id = the('member') and group_id = the('club')
$$);
select is(
  pg_temp.refreshed('member', member, member)
    @> '{"is_banned": true, "ban_reason": null, "banned_until": null}',
  true, 'A late event leaves out the reason and the end of a ban'
) from parts;

select sudo($$ select api.remove_reaction(the('member'), 'comment', the('comment'), '🎉') $$);
select is(
  pg_temp.refreshed('reaction', reaction, the('comment'), the('post')),
  jsonb_build_object('id', reaction, 'deleted_at', now()),
  'A reaction that was removed is sent as a removal'
) from parts;
select sudo($$
  update outbox_event set payload = jsonb_set(payload, '{data,deleted_at}', '"2026-01-02Z"')
  where event_type = 'reaction.removed'
$$);
select is(
  pg_temp.refreshed('reaction', reaction, the('comment'), the('post')) ->> 'deleted_at',
  '2026-01-02T00:00:00+00:00', 'The removal of a reaction has the time of its event'
) from parts;
select sudo($$ update comment set deleted_at = now() where id = the('comment') $$);
select ok(
  pg_temp.is_removal(pg_temp.refreshed('comment', the('comment'), the('comment'), the('post'))),
  'A deleted comment is sent as a removal'
);
select ok(
  pg_temp.is_removal(
    pg_temp.refreshed('reaction', gen_random_uuid(), the('comment'), the('post'))
  ),
  'A reaction to a deleted comment is sent as a removal'
);
select sudo($$
  update comment set deleted_at = null where id = the('comment');
  update post set deleted_at = '2026-01-01Z' where id = the('post')
$$);
select is(
  pg_temp.refreshed('post', the('post'), the('post'), the('post')),
  jsonb_build_object('id', the('post'), 'deleted_at', '2026-01-01T00:00:00+00:00'),
  'A deleted post is sent as a removal'
);
select is(
  pg_temp.refreshed('comment', the('comment'), the('comment'), the('post')),
  jsonb_build_object('id', the('comment'), 'deleted_at', '2026-01-01T00:00:00+00:00'),
  'A comment of a deleted post is sent as a removal'
);
select ok(
  pg_temp.is_removal(pg_temp.refreshed('attachment', media, the('post'), the('post'))),
  'An attachment of a deleted post is sent as a removal'
) from parts;
select sudo($$ update group_entity set deleted_at = now() where id = the('club') $$);
select ok(
  pg_temp.is_removal(pg_temp.refreshed('group', the('club'), the('club'))),
  'A deleted group is sent as a removal'
);
select ok(
  pg_temp.is_removal(pg_temp.refreshed('post', gen_random_uuid())),
  'A post that was deleted permanently is sent as a removal'
);

select * from finish();
rollback;
