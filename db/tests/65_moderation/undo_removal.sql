-- Undoing a batch. Proves rules 65.5 and 65.7.
begin;
select plan(24);

select make_group('club', 'public');
select make_group('den', 'secret', 'keeper');
select make_cast('club');
select make_member('spammer', 'club');
select make_post('first', 'club', 'spammer', array[own('chess')]);
select make_post('second', 'club', 'spammer');
select make_post('host', 'club', 'member');
select make_post('before', 'club', 'spammer');
select make_comment('inside', 'first', 'spammer');
select make_comment('reply', 'host', 'spammer');
select make_comment('below', 'host', 'spammer', 'reply');
select api.delete_post(the('spammer'), the('before'));
select sudo($$ update post set deleted_at = now() - interval '1 hour' where id = the('before') $$);
select make_post('hidden', 'den', 'keeper');
set local role communities_job;
select remember('batch', b.id)
from api.remove_content(the('moderator'), the('club'), 'spam', the('spammer')) as b;
select remember('secret', b.id)
from api.remove_content(the('keeper'), the('den'), 'spam', the('keeper')) as b;
select forget_events();

select outcomes_are(
  'Undoing a batch', $$select api.undo_removal(the(%L), the('batch'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, moderator ok, '
  'admin ok'
);
select throws_code(
  $$ select api.undo_removal(the('owner'), the('secret')) $$, 'PT404', 'not_found',
  'A stranger does not find a batch of a secret group'
);
select throws_code(
  $$ select api.undo_removal(the('owner'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing batch is not found'
);

-- The second post is restored and deleted again, outside the batch. The host is deleted.
select from api.restore_post(the('moderator'), the('second'));
select api.delete_post(the('admin'), the('second'));
select sudo(
  $$ update post set deleted_at = now() - interval '1 minute' where id = the('second') $$
);
select api.delete_post(the('member'), the('host'));
select sudo($$ update post set deleted_at = now() - interval '1 minute' where id = the('host') $$);
select forget_events();

select is(
  (
    select array[b.posts_count, b.comments_count, b.restored_count]
    from api.undo_removal(the('admin'), the('batch')) as b
  ),
  array[2, 3, 2]::bigint[], 'The answer has the number of restored items'
);
select is(
  look(format('select deleted_at is null from %s where id = the(%L)', kind, name))::boolean,
  wanted, sentence
)
from (values
  ('post', 'first', true, 'A post that the batch removed is restored'),
  ('comment', 'inside', true, 'A comment in a restored post is restored'),
  ('post', 'second', false, 'Content that another moderator deleted after the batch stays deleted'),
  ('post', 'before', false, 'Content that was deleted before the batch stays deleted'),
  ('comment', 'reply', false, 'A comment in a deleted post is not restored')
) as things (kind, name, wanted, sentence);
select events_are(
  array['post.restored', 'comment.restored', 'content.restored'],
  array['post.restored', 'comment.restored', 'content.restored'],
  'Each item has its event, a post before its comments'
);
select is(
  audited() ->> 'actor_id', the('admin')::text, 'The audit entry has the actor of the undo'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 1,
    'A restored post counts in its tags'
);
select counters_hold();

select from api.restore_post(the('moderator'), the('host'));
select is(
  (select b.restored_count from api.undo_removal(the('moderator'), the('batch')) as b), 4::bigint,
  'A second undo restores a comment after its post was restored'
);
select is(
  (select count(*) from api.list_comments(null, the('host')) where deleted_at is null), 2::bigint,
  'A second undo restores the replies too'
);
select is(
  (select b.restored_count from api.undo_removal(the('moderator'), the('batch')) as b), 4::bigint,
  'A third undo restores nothing'
);
select is(
  (
    select array[undone_by, actor_id]
    from api.list_moderation_batches(the('owner'), the('club'))
  ),
  array[the('moderator'), the('moderator')], 'A batch has the actors of the removal and of the undo'
);
select counters_hold();
select api.delete_group(the('owner'), the('club'));
select throws_code(
  $$ select api.undo_removal(the('owner'), the('batch')) $$, 'PT403', 'forbidden',
  'A batch of a deleted group cannot be undone'
);

select * from finish();
rollback;
