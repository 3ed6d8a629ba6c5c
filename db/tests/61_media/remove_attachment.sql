-- Removing an attachment, as the author of its subject or as a moderator.
-- Proves rules 61.10 and 61.11.
begin;
select plan(34);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club', 'member');
select make_comment('comment', 'post', 'member');
select make_upload('one', 'member');
select make_upload('reply', 'member', 'comment');
select make_upload('avatar', 'admin', 'avatar');
select remember('media', id) from api.link_attachment(the('member'), key('one'), 'post', the('post'));
select remember('reply', id) from api.link_attachment(the('member'), key('reply'), 'comment', the('comment'));
select remember('avatar', id) from api.link_attachment(the('admin'), key('avatar'), 'group', the('club'));
select forget_events();
set local role communities_job;

select outcomes_are(
  'Removing the attachment %s', 'select api.remove_attachment(the(%L), the(%L))',
  'anonymous unauthenticated, stranger forbidden, banned banned, muted forbidden,
    member ok ok forbidden, moderator ok, admin ok, owner ok',
  'media', 'reply', 'avatar'
);

select lives_ok(
  $$ select api.remove_attachment(the('member'), the('media')) $$,
  'An author removes an attachment of their post'
);
select events_are(
  array['attachment.removed'], array['attachment.removed'],
  'Removing emits one event and one audit entry'
);
select event_is(
  'attachment.removed', 'member', 'club', 'post', 'post', 'post',
  'The event names actor, group, post and subject'
);
select is(
  event() -> 'data', jsonb_build_object('id', the('media'), 'deleted_at', now()),
  'The event contains the id and the time, and no content'
);
select is(
  (select media_count from api.get_post(null, the('post'))), 0::smallint,
  'A removed attachment does not count in its post'
);
select throws_code(
  format('select api.remove_attachment(the(''owner''), %s)', media), 'PT404', 'not_found',
  format('A missing attachment is not found: %s', media)
)
from unnest(array[$$the('media')$$, 'gen_random_uuid()', 'null']) as media;
select from api.remove_attachment(the('moderator'), the('avatar'));
select is(
  (select avatar_url from api.get_group(null, the('club'))), null,
  'Removing the attachment of an avatar clears the avatar of the group'
);
select counters_hold();

select * from finish();
rollback;
