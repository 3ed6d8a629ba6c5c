-- migrate:up

set local role communities_owner;

comment on function public.uuid_v7() is 'Returns a new UUID of version 7.';
comment on table public.group_entity is 'Groups.';
comment on table public.group_member is
  'Standing of a user in a group: membership, ban and mute, one row for each user and group.';
comment on table public.group_invite is 'Invitations into a group by code.';
comment on table public.join_request is 'Requests to join a private group.';
comment on table public.topic_tag is 'Topic tags: those of public groups, which anyone may list.';
comment on table public.post is 'Posts. Free space in a page keeps counter updates in that page.';
comment on table public.comment is 'Comments and replies.';
comment on table public.reaction is 'Emoji reactions to posts and comments.';
comment on table public.reaction_count is 'Number of reactions to a subject with each emoji.';
comment on table public.media_attachment is
  'Attachments: uploaded objects that belong to a post, comment or group.';
comment on table public.outbox_event is 'Events of all changes, for search, streams and sockets.';
comment on table public.audit_log is
  'Append-only entries: who changed what, with the states before and after.';
comment on table public.idempotency_key is
  'Stored answers of requests that clients may repeat under a key.';
comment on table public.media_type is 'Media types of files that users may upload.';
comment on table public.stream_sequence is
  'Last position given in the streams. Relays lock its row in turn.';
comment on table public.outbox_consumer is
  'Consumers of the outbox, and until when writers send NOTIFY to each.';
comment on table public.outbox_failure is
  'Events that a consumer refused: attempts, last error, and next attempt or death.';
comment on table public.moderation_batch is 'Removals of many posts and comments at once.';
comment on table public.moderation_item is 'Posts and comments that a batch removed.';
comment on column public.outbox_event.traceparent is
  'Span of the change, in the form of W3C Trace Context; null without tracing.';
comment on column public.presigned_upload.copies is
  'Number of copies that were started. Each is kept until the upload expires.';
comment on table public.orphaned_object is
  'Objects in the bucket that no row refers to; the sweeper deletes them.';
comment on column public.idempotency_key.reserved_until is
  'End of the reservation by one request that prepares its transaction; null with an answer.';
comment on column public.moderation_item.subject_created_at is
  'Creation time of the post or comment, so that an index serves the list of a batch.';

reset role;

-- migrate:down

-- The comments stay: each is true of the version before, too.
drop schema if exists api cascade;
