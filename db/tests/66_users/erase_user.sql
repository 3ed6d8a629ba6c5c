-- Erasing a user. Proves rules 05.3, 66.2, 66.3, 66.4, 66.5, 66.6, 66.7 and 66.8.
begin;
select plan(40);

select make_group('club', 'private');
select make_group('own', 'public', 'mia');
select make_group('past', 'public', 'mia');
select make_cast('club');
select make_member('mia', 'club', 'moderator');
select make_post('post', 'club', 'mia', array[own('chess')], 'Words of Mia');
select make_post('public', 'own', 'mia', array[own('chess')], 'Words of Mia');
select make_post('deleted', 'club', 'mia', '{}', 'Words of Mia');
select make_post('other', 'club', 'member');
select make_comment('comment', 'other', 'mia', null, 'Words of Mia');
select make_comment('reply', 'other', 'member', 'comment', 'A reply');
select make_comment('below', 'post', 'member', null, 'A comment on it');
select make_reaction('post', 'other', 'mia', '🎉');
select make_reaction('post', 'other', 'member', '🎉');
select make_reaction('comment', 'reply', 'mia');
select make_reaction('comment', 'comment', 'member');
select make_upload('picture', 'mia');
select make_upload('loose', 'mia');
select make_upload('cover', 'mia', 'cover');
select api.link_attachment(the('mia'), key('picture'), 'post', the('post'));
select api.link_attachment(the('mia'), key('cover'), 'group', the('own'));
select api.update_post(the('mia'), the('post'), '{"body": "Other words of Mia"}');
select api.delete_post(the('mia'), the('deleted'));
select api.delete_group(the('mia'), the('past'));
select api.create_invite(the('mia'), the('own'), the('member'));
select api.create_invite(the('owner'), the('club'), the('mia'));
select make_group('wish', 'private', 'admin');
select api.join_group(the('mia'), the('wish'));
select make_group('angry', 'public', 'angry_owner');
select make_banned('mia', 'angry');
select api.remove_content(the('mia'), the('club'), 'tidy', p_ids => array[the('below')]);
insert into idempotency_key (actor_id, key, fingerprint, status, body) values (the('mia'), 'k', 'f', 200, '{}');
set local role communities_job;

select throws_fields(
  format('select api.erase_user(%L)', id), array['user_id'],
  format('The id %s is refused', coalesce(id, 'null'))
)
from (values (null), ('00000000-0000-0000-0000-000000000000')) as refused (id);
select throws_ok(
  format('set local role %I; select api.erase_user(%L)', role, the('mia')), '42501', null,
  format('%s may not erase a user', role)
)
from unnest(array['communities_service', 'communities_worker']) as role;
set local role communities_job;
select throws_code(
  $$ select api.erase_user(the('mia')) $$, 'PT409', 'last_owner',
  'The last owner of a group that is not deleted cannot be erased'
);
select from api.put_member(the('mia'), the('own'), the('member'), 'owner');
select is(
  (select jsonb_object_agg(kind, count) from api.erase_user(the('mia'))) - 'record',
  '{"member": 4, "group": 2, "invitation": 3, "reaction": 2, "attachment": 1, "comment": 1, "post": 3, "upload": 3}',
  'The erasure returns the number of erased rows of each kind'
);

select is(
  look(format('select count(*) from %s where %s', place, condition))::int, n, sentence
)
from (values
  ('group_member', 'user_id = the(''mia'')', 1, 'Only the record of an active ban remains'),
  ('group_member', 'user_id = the(''mia'') and is_banned', 1, 'An active ban remains'),
  ('group_invite', 'the(''mia'') in (user_id, created_by)', 0, 'No invitation of the user remains'),
  ('join_request', 'user_id = the(''mia'')', 0, 'No request to join of the user remains'),
  ('post', 'author_id = the(''mia'')', 0, 'No post has the user as its author'),
  ('comment', 'author_id = the(''mia'')', 0, 'No comment has the user as its author'),
  ('post', 'body like ''%Mia%'' or title like ''%Mia%''', 0, 'No post has a text of the user'),
  ('comment', 'body like ''%Mia%''', 0, 'No comment has a text of the user'),
  ('reaction', 'user_id = the(''mia'')', 0, 'No reaction of the user remains'),
  ('reaction', 'true', 2, 'Reactions of other users remain'),
  ('media_attachment', 'created_by = the(''mia'')', 0, 'No attachment has the user as its creator'),
  ('media_attachment', 'subject_type = ''group''', 1, 'The cover of a group remains'),
  ('presigned_upload', 'actor_id = the(''mia'')', 0, 'No upload has the user as its actor'),
  ('idempotency_key', 'actor_id = the(''mia'')', 0, 'No stored answer of the user remains'),
  ('group_entity', 'created_by = the(''mia'')', 0, 'No group has the user as its creator'),
  ('moderation_batch', 'the(''mia'') in (actor_id, undone_by)', 0,
    'No batch has the user as its moderator'),
  ('audit_log', 'actor_id = the(''mia'')', 0, 'No audit entry has the user as its actor'),
  ('audit_log', 'audit_log::text like ''%'' || the(''mia'') || ''%''', 0,
    'No state in the audit log has the id of the user'),
  ('audit_log', 'audit_log::text like ''%Words of Mia%'' or audit_log::text like ''%words of Mia%''', 0,
    'No state in the audit log has a text of the user'),
  ('outbox_event', 'outbox_event::text like ''%'' || the(''mia'') || ''%''', 0,
    'No event has the id of the user'),
  ('outbox_event', 'payload::text like ''%ords of Mia%''', 0, 'No event has a text of the user'),
  ('outbox_event',
    'event_type = ''post.created'' and aggregate_id = the(''post'') '
    'and array(select jsonb_object_keys(payload -> ''data'')) = array[''id'', ''deleted_at'']', 1,
    'The data of a pending event has only the id and the deletion time'),
  ('orphaned_object', 'true', 3, 'The objects of the user are orphaned')
) as places (place, condition, n, sentence);
select is(
  (select array[author_id::text, body] from api.list_comments(the('member'), the('other')) where id = the('comment')),
  array[null, ''], 'An erased comment with replies is a tombstone'
);
select is(
  (select body from api.get_comment(the('member'), the('reply'))), 'A reply',
  'A reply of another user remains'
);
select throws_code(
  $$ select api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found',
  'An erased post is deleted'
);
select is(
  (select body from api.restore_post(the('moderator'), the('post'))), '[erased]',
  'Restoring an erased post does not restore its text'
);
select is(
  (select count(*) from api.export_user(the('mia')) where kind <> 'member'), 0::bigint,
  'An export after the erasure has only memberships'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0,
  'An erased post does not count in its topic tags'
);
select counters_hold();
select is(
  (select count(*) from api.erase_user(the('mia')) where count > 1), 0::bigint,
  'A second erasure finds only the ban'
);
reset role;
select is(
  current_setting('communities.erasing'), 'off', 'The audit log refuses changes after the erasure'
);
select throws_ok(
  'update audit_log set action = ''x''', '23001', null,
  'An entry of the audit log cannot be updated after the erasure'
);
select is(
  api.without_user('{"author_id": "5eed0000-0000-7000-8000-00000000000a", "body": "x", "id": 1}', '5eed0000-0000-7000-8000-00000000000b'),
  '{"author_id": "5eed0000-0000-7000-8000-00000000000a", "body": "x", "id": 1}',
  'without_user() keeps the texts of other users'
);

select * from finish();
rollback;
