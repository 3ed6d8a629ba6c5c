-- Linking an upload: to one's own post or comment, or to a group as its picture (§4).
begin;
select plan(55);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member');
select make_post('other', 'club', 'admin');
select make_comment('comment', 'post', 'member');
select make_upload('one', 'member');
select make_upload('reply', 'member', 'comment');
select make_upload('avatar', 'admin', 'avatar');
select make_upload('avatar2', 'admin', 'avatar');
select make_upload('cover', 'admin', 'cover');
select make_upload(actor || '_post', actor),
  make_upload(actor || '_avatar', actor, 'avatar')
from unnest(array['stranger', 'banned', 'muted', 'member', 'moderator', 'admin', 'owner']) as actor;
select left(set_config('key.anonymous_' || purpose, 'x', true), 0)
from unnest(array['post', 'avatar']) as purpose;
select forget_events();
set local role communities_job;

-- Who may
select is(
  outcome(format(
    'select api.link_attachment(the(%L), key(%L), %L, the(%L))', actor, actor || '_' || purpose, type, subject
  )),
  split_part(results, ' ', nr::int), format('A %s of the %s: %s', purpose, actor, split_part(results, ' ', nr::int))
)
from (values
  ('post', 'post', 'post',
    'unauthenticated forbidden forbidden forbidden ok forbidden forbidden forbidden'),
  ('avatar', 'group', 'club', 'unauthenticated forbidden banned forbidden forbidden forbidden ok ok')
) as matrix (purpose, type, subject, results)
cross join unnest(array[
  'anonymous', 'stranger', 'banned', 'muted', 'member', 'moderator', 'admin', 'owner'
]) with ordinality as actors (actor, nr);

-- To a post
select remember('media', id) from api.link_attachment(
  the('member'), key('one'), 'post', the('post'), 640, 480
);
select is(
  (select media -> 0 from api.get_post(null, the('post')))::jsonb - 'key' - 'url',
  jsonb_build_object(
    'id', the('media'), 'subject_type', 'post', 'subject_id', the('post'), 'mime', 'image/png',
    'size_bytes', 1000, 'width', 640, 'height', 480, 'created_by', the('member'), 'created_at', now()
  ),
  'An attachment is in its post'
);
select matches(
  (select media -> 0 ->> 'key' from api.get_post(null, the('post'))), '^media/[A-Za-z0-9]{40,}$',
  'Its key is the final one, which no URL that was handed out writes to'
);
select is((select media_count from api.get_post(null, the('post'))), 1::smallint, 'It is counted');
select events_are(array['attachment.added'], array[]::text[], 'Linking is one event');
select event_is(
  'attachment.added', 'member', 'club', 'post', 'post', 'post', 'The event tells who, where and to what'
);
select is(
  event() -> 'data', (select media -> 0 from api.get_post(null, the('post')))::jsonb,
  'The event holds the attachment'
);

-- To a comment
select forget_events();
select lives_ok(
  $$ select api.link_attachment(the('member'), key('reply'), 'comment', the('comment')) $$,
  'An upload is linked to a comment'
);
select event_is(
  'attachment.added', 'member', 'club', 'post', 'comment', 'comment', 'The event tells the post, too'
);

-- To a group
select forget_events();
select left(set_config('key.final', key, true), 0)
from api.link_attachment(the('admin'), key('avatar'), 'group', the('club'));
select is(
  (select avatar_url from api.get_group(null, the('club'))), 's3:' || key('final'),
  'An avatar becomes the group''s'
);
select events_are(
  array['attachment.added', 'group.updated'], array['group.updated'],
  'That is an event of the attachment and one of the group'
);
select lives_ok(
  $$ select api.link_attachment(the('admin'), key('cover'), 'group', the('club')) $$,
  'A cover becomes the group''s'
);
select ok(
  (select cover_url <> avatar_url from api.get_group(null, the('club'))), 'Beside its avatar'
);
select forget_events();
select lives_ok(
  format('select api.update_group(the(''admin''), the(''club''), %L)',
    json_build_object('avatar_key', key('avatar2'))),
  'A picture is put in by changing the group, too'
);
select events_are(
  array['attachment.removed', 'attachment.added', 'group.updated'],
  array['attachment.removed', 'group.updated'], 'And takes the place of the one before'
);
select is(
  look($$ select count(*) from media_attachment where subject_id = the('club') $$), '2',
  'A group has one avatar and one cover'
);
select forget_events();
select is(
  (select avatar_url from api.update_group(the('admin'), the('club'), '{"avatar_key": null}')), null,
  'A picture is taken away'
);
select is(
  (
    select g.avatar_url is not null from api.create_group(
      the('owner'), 'With a face', 'public', p_avatar_key => key('owner_avatar')
    ) as g
  ),
  true, 'A group may be made with a picture'
);

-- What is not what was announced
select make_upload('expired', 'member');
select sudo(format($$ update presigned_upload set expires_at = now() where key = %L $$, key('expired')));
select left(set_config('key.missing', key, true), 0)
from api.presign_upload(the('member'), 'post', 'image/png', 1);
select make_upload('smaller', 'member');
select from api.confirm_upload(the('member'), key('smaller'), place('smaller'), 'image/png', 999);
select make_upload('changed', 'member');
select from api.confirm_upload(the('member'), key('changed'), place('changed'), 'text/html', 1000);
select make_upload('moved', 'member');
select from api.find_upload(the('member'), key('moved'));
select left(set_config('key.nonsense', 'uploads/nonsense', true), 0);
select throws_code(
  format('select api.link_attachment(the(''member''), key(%L), ''post'', the(''post''))', upload),
  'PT422', 'attachment_mismatch', description
)
from (values
  ('one', 'An upload is linked once'),
  ('admin_post', 'Another''s upload is not linked'),
  ('member_avatar', 'Nor one for another purpose'),
  ('expired', 'Nor one that has expired'),
  ('missing', 'Nor one that was not found'),
  ('smaller', 'Nor one of another size'),
  ('changed', 'Nor one of another type'),
  ('moved', 'Nor one that somebody is copying elsewhere just now'),
  ('nonsense', 'Nor one that was not announced')
) as wrong (upload, description);
select throws_code(
  $$ select api.link_attachment(the('admin'), key('admin_post'), 'group', the('club')) $$,
  'PT422', 'attachment_mismatch', 'An upload for a post is no picture of a group'
);
select throws_code(
  format('select api.update_group(the(''admin''), the(''club''), %L)',
    json_build_object('cover_key', key('admin_avatar'))),
  'PT422', 'attachment_mismatch', 'An avatar is no cover'
);
select lives_ok(
  $$ select api.link_attachment(the('member'), key('member_post'), 'post', the('post')) $$,
  'A refusal does not use an upload up'
);

-- Limits
select make_media('post', 'post') from generate_series(1, 8);
select make_media('comment', 'comment') from generate_series(1, 2);
select make_upload('eleventh', 'member');
select make_upload('fourth', 'member', 'comment');
select throws_code(
  $$ select api.link_attachment(the('member'), key('eleventh'), 'post', the('post')) $$,
  'PT422', 'attachment_limit', 'A post has 10 attachments at most'
);
select throws_code(
  $$ select api.link_attachment(the('member'), key('fourth'), 'comment', the('comment')) $$,
  'PT422', 'attachment_limit', 'A comment has 3'
);
select throws_fields(
  format('select api.link_attachment(the(''member''), key(''eleventh''), %s)', arguments), fields,
  description
)
from (values
  ($$'user', the('post')$$, '{subject_type}'::text[], 'A subject is a post, a comment or a group'),
  ($$'post', the('post'), 0$$, '{width}', 'A picture is 1 wide at least'),
  ($$null, the('post'), -1, -1$$, '{subject_type,width,height}', 'All fields at fault are named')
) as wrong (arguments, fields, description);
select throws_code(
  format('select api.link_attachment(the(''member''), key(''eleventh''), %L, gen_random_uuid())', type),
  'PT404', 'not_found', format('Nothing is linked to a %s that is not there', type)
)
from unnest(array['post', 'comment', 'group']) as type;
select from api.delete_post(the('admin'), the('other'));
select throws_code(
  $$ select api.link_attachment(the('admin'), key('admin_post'), 'post', the('other')) $$,
  'PT403', 'forbidden', 'Nor to what is deleted'
);
select counters_hold();

select * from finish();
rollback;
