-- Linking an upload to a post or comment of the actor, or to a group as its avatar or cover.
-- Proves rules 10.12, 61.6, 61.8, 61.9 and 61.14.
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

-- Authorisation
select outcomes_are(
  'Linking an upload to a post of the member',
  $$select api.link_attachment(the(%1$L), key(%1$L || '_post'), 'post', the('post'))$$,
  'anonymous unauthenticated, stranger forbidden, banned forbidden, muted forbidden, member ok,
    moderator forbidden, admin forbidden, owner forbidden'
);
select outcomes_are(
  'Linking an avatar to a group',
  $$select api.link_attachment(the(%1$L), key(%1$L || '_avatar'), 'group', the('club'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, muted forbidden,
    member forbidden, moderator forbidden, admin ok, owner ok'
);

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
  'A post shows its attachment'
);
select matches(
  (select media -> 0 ->> 'key' from api.get_post(null, the('post'))), '^media/[A-Za-z0-9]{40,}$',
  'The key of an attachment is the key of the copy, which no presigned URL can write'
);
select is(
  (select media_count from api.get_post(null, the('post'))), 1::smallint,
  'An attachment counts in its post'
);
select events_are(array['attachment.added'], array[]::text[], 'Linking emits one event');
select event_is(
  'attachment.added', 'member', 'club', 'post', 'post', 'post',
  'The event names actor, group, post and subject'
);
select is(
  event() -> 'data', (select media -> 0 from api.get_post(null, the('post')))::jsonb,
  'The event contains the attachment'
);

-- To a comment
select forget_events();
select lives_ok(
  $$ select api.link_attachment(the('member'), key('reply'), 'comment', the('comment')) $$,
  'An author links an upload to their comment'
);
select event_is(
  'attachment.added', 'member', 'club', 'post', 'comment', 'comment',
  'The event names the post of the comment'
);

-- To a group
select forget_events();
select left(set_config('key.final', key, true), 0)
from api.link_attachment(the('admin'), key('avatar'), 'group', the('club'));
select is(
  (select avatar_url from api.get_group(null, the('club'))), 's3:' || key('final'),
  'An upload of purpose avatar becomes the avatar of the group'
);
select events_are(
  array['attachment.added', 'group.updated'], array['group.updated'],
  'Linking an avatar emits an event of the attachment and one of the group'
);
select lives_ok(
  $$ select api.link_attachment(the('admin'), key('cover'), 'group', the('club')) $$,
  'An upload of purpose cover becomes the cover of the group'
);
select ok(
  (select cover_url <> avatar_url from api.get_group(null, the('club'))),
  'A new cover keeps the avatar'
);
select forget_events();
select lives_ok(
  format('select api.update_group(the(''admin''), the(''club''), %L)',
    json_build_object('avatar_key', key('avatar2'))),
  'A patch of the group links an avatar'
);
select events_are(
  array['attachment.removed', 'attachment.added', 'group.updated'],
  array['attachment.removed', 'group.updated'], 'A new avatar removes the old one'
);
select is(
  look($$ select count(*) from media_attachment where subject_id = the('club') $$), '2',
  'A group has one avatar and one cover'
);
select forget_events();
select is(
  (select avatar_url from api.update_group(the('admin'), the('club'), '{"avatar_key": null}')),
  null,
  'A patch with null removes the avatar'
);
select is(
  (
    select g.avatar_url is not null from api.create_group(
      the('owner'), 'With a face', 'public', p_avatar_key => key('owner_avatar')
    ) as g
  ),
  true, 'A group is created with an avatar'
);

-- Mismatches
select make_upload('expired', 'member');
select sudo(format($$ update presigned_upload set expires_at = now() where key = %L $$, key('expired')));
select make_presign(name, 'member') from unnest(array['missing', 'smaller', 'changed', 'copying']) as name;
select make_copy('smaller', 'member', p_size => 999);
select make_copy('changed', 'member', 'text/html');
select from api.start_upload_copy(the('member'), key('copying'), 'image/png', 1000);
select left(set_config('key.unknown', 'uploads/unknown', true), 0);
select throws_code(
  format('select api.link_attachment(the(''member''), key(%L), ''post'', the(''post''))', upload),
  'PT422', 'attachment_mismatch', description
)
from (values
  ('one', 'A linked upload is not linked again'),
  ('admin_post', 'The upload of another user is not linked'),
  ('member_avatar', 'An upload for another purpose is not linked'),
  ('expired', 'An expired upload is not linked'),
  ('missing', 'An upload without an object is not linked'),
  ('smaller', 'An object of another size is not linked'),
  ('changed', 'An object of another type is not linked'),
  ('copying', 'An upload is not linked before its copy is confirmed'),
  ('unknown', 'A key that was never presigned is not linked')
) as wrong (upload, description);
select throws_code(
  $$ select api.link_attachment(the('admin'), key('admin_post'), 'group', the('club')) $$,
  'PT422', 'attachment_mismatch', 'An upload for a post is not linked to a group'
);
select throws_code(
  format('select api.update_group(the(''admin''), the(''club''), %L)',
    json_build_object('cover_key', key('admin_avatar'))),
  'PT422', 'attachment_mismatch', 'An upload of purpose avatar does not become a cover'
);
select lives_ok(
  $$ select api.link_attachment(the('member'), key('member_post'), 'post', the('post')) $$,
  'A refused link leaves the upload linkable'
);

-- Limits
select make_media('post', 'post') from generate_series(1, 8);
select make_media('comment', 'comment') from generate_series(1, 2);
select make_upload('eleventh', 'member');
select make_upload('fourth', 'member', 'comment');
select throws_code(
  $$ select api.link_attachment(the('member'), key('eleventh'), 'post', the('post')) $$,
  'PT422', 'attachment_limit', 'A post has at most 10 attachments'
);
select throws_code(
  $$ select api.link_attachment(the('member'), key('fourth'), 'comment', the('comment')) $$,
  'PT422', 'attachment_limit', 'A comment has at most 3 attachments'
);
select throws_fields(
  format('select api.link_attachment(the(''member''), key(''eleventh''), %s)', arguments), fields,
  description
)
from (values
  ($$'user', the('post')$$, '{subject_type}'::text[], 'An unknown subject type is refused'),
  ($$'post', the('post'), 0$$, '{width}', 'A width below 1 is refused'),
  ($$null, the('post'), -1, -1$$, '{subject_type,width,height}',
    'One error names all invalid fields')
) as wrong (arguments, fields, description);
select throws_code(
  format('select api.link_attachment(the(''member''), key(''eleventh''), %L, gen_random_uuid())', type),
  'PT404', 'not_found', format('An unknown %s is not found', type)
)
from unnest(array['post', 'comment', 'group']) as type;
select from api.delete_post(the('admin'), the('other'));
select throws_code(
  $$ select api.link_attachment(the('admin'), key('admin_post'), 'post', the('other')) $$,
  'PT403', 'forbidden', 'An attachment to a deleted post is refused'
);
select counters_hold();

select * from finish();
rollback;
