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
  format('select api.erase_user(%L)', id), array['user_id'], 'There is nobody to erase: ' || coalesce(id, 'null')
)
from (values (null), ('00000000-0000-0000-0000-000000000000')) as nobody (id);
select throws_ok(
  format('set local role %I; select api.erase_user(%L)', role, the('mia')), '42501', null,
  format('%s may not erase anybody', role)
)
from unnest(array['communities_service', 'communities_worker']) as role;
set local role communities_job;
select throws_code(
  $$ select api.erase_user(the('mia')) $$, 'PT409', 'last_owner',
  'Who is the only owner of a living group is not erased'
);
select from api.put_member(the('mia'), the('own'), the('member'), 'owner');
select is(
  (select jsonb_object_agg(kind, count) from api.erase_user(the('mia'))) - 'record',
  '{"member": 4, "group": 2, "invitation": 3, "reaction": 2, "attachment": 1, "comment": 1, "post": 3, "upload": 3}',
  'Erasing tells how much of each kind it has erased'
);

select is(
  look(format('select count(*) from %s where %s', place, condition))::int, n, sentence
)
from (values
  ('group_member', 'user_id = the(''mia'')', 1, 'Of memberships nothing stays but a ban that holds'),
  ('group_member', 'user_id = the(''mia'') and is_banned', 1, 'Which is the group''s'),
  ('group_invite', 'the(''mia'') in (user_id, created_by)', 0, 'No invitation stays'),
  ('join_request', 'user_id = the(''mia'')', 0, 'No request to join stays'),
  ('post', 'author_id = the(''mia'')', 0, 'No post is theirs'),
  ('comment', 'author_id = the(''mia'')', 0, 'No comment is theirs'),
  ('post', 'body like ''%Mia%'' or title like ''%Mia%''', 0, 'No post holds their words'),
  ('comment', 'body like ''%Mia%''', 0, 'No comment holds their words'),
  ('reaction', 'user_id = the(''mia'')', 0, 'No reaction stays'),
  ('reaction', 'true', 2, 'Others'' reactions stay'),
  ('media_attachment', 'created_by = the(''mia'')', 0, 'No attachment is theirs'),
  ('media_attachment', 'subject_type = ''group''', 1, 'A group''s picture stays the group''s'),
  ('presigned_upload', 'actor_id = the(''mia'')', 0, 'No upload is theirs'),
  ('idempotency_key', 'actor_id = the(''mia'')', 0, 'No answer to a request stays'),
  ('group_entity', 'created_by = the(''mia'')', 0, 'Nobody made their groups'),
  ('moderation_batch', 'the(''mia'') in (actor_id, undone_by)', 0, 'Nobody moderated'),
  ('audit_log', 'actor_id = the(''mia'')', 0, 'The audit log does not name them'),
  ('audit_log', 'audit_log::text like ''%'' || the(''mia'') || ''%''', 0, 'Nor do its states'),
  ('audit_log', 'audit_log::text like ''%Words of Mia%'' or audit_log::text like ''%words of Mia%''', 0,
    'Nor does it hold their words'),
  ('outbox_event', 'outbox_event::text like ''%'' || the(''mia'') || ''%''', 0, 'No event names them'),
  ('outbox_event', 'payload::text like ''%ords of Mia%''', 0, 'No event holds their words'),
  ('outbox_event',
    'event_type = ''post.created'' and aggregate_id = the(''post'') '
    'and array(select jsonb_object_keys(payload -> ''data'')) = array[''id'', ''deleted_at'']', 1,
    'An event that is still to be told tells no more than of what is deleted'),
  ('orphaned_object', 'true', 3, 'Their objects go')
) as places (place, condition, n, sentence);
select is(
  (select array[author_id::text, body] from api.list_comments(the('member'), the('other')) where id = the('comment')),
  array[null, ''], 'A comment with replies is a tombstone'
);
select is(
  (select body from api.get_comment(the('member'), the('reply'))), 'A reply', 'What others replied stays'
);
select throws_code(
  $$ select api.get_post(the('member'), the('post')) $$, 'PT404', 'not_found', 'A post is deleted'
);
select is(
  (select body from api.restore_post(the('moderator'), the('post'))), '[erased]', 'Restoring it brings nothing back'
);
select is(
  (select count(*) from api.export_user(the('mia')) where kind <> 'member'), 0::bigint,
  'There is nothing to export any more'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0, 'Its topic tags count it no more'
);
select counters_hold();
select is(
  (select count(*) from api.erase_user(the('mia')) where count > 1), 0::bigint, 'Erasing again finds only the ban'
);
reset role;
select is(current_setting('communities.erasing'), 'off', 'The audit log is closed again');
select throws_ok(
  'update audit_log set action = ''x''', '23001', null, 'And an entry of it is not changed'
);
select is(
  api.without_user('{"author_id": "5eed0000-0000-7000-8000-00000000000a", "body": "x", "id": 1}', '5eed0000-0000-7000-8000-00000000000b'),
  '{"author_id": "5eed0000-0000-7000-8000-00000000000a", "body": "x", "id": 1}', 'Others'' words stay'
);

select * from finish();
rollback;
