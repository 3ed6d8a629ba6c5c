-- Removing posts and comments in a batch. Proves rules 65.1, 65.2, 65.3 and 65.4.
begin;
select plan(26);

select make_group('club', 'public');
select make_group('other', 'public');
select make_cast('club');
select make_member('spammer', 'club');
select make_member('spammer', 'other');
select make_post('spam', 'club', 'spammer', array[own('chess')]);
select make_post('good', 'club', 'member');
select make_post('old', 'club', 'spammer');
select backdate('post', 'old', '2 days');
select make_post('elsewhere', 'other', 'spammer');
select make_comment('reply', 'good', 'spammer');
select make_comment('answer', 'good', 'member', 'reply');
select make_comment('inside', 'spam', 'spammer');
select make_comment('gone', 'good', 'spammer');
select api.delete_comment(the('spammer'), the('gone'));
select sudo($$ update comment set deleted_at = now() - interval '1 hour' where id = the('gone') $$);
select forget_events();
set local role communities_job;

select outcomes_are(
  'Removing content', $$select api.remove_content(the(%L), the('club'), 'spam', the('spammer'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, moderator ok, '
  'admin ok, owner ok'
);
select throws_fields(
  $$ select api.remove_content(the('moderator'), the('club'), ' ') $$, array['reason', 'author_id'],
  'A reason, and an author or ids, are required'
);
select throws_fields(
  $$ select api.remove_content(the('moderator'), the('club'), repeat('x', 501), the('spammer')) $$,
  array['reason'], 'A reason has at most 500 characters'
);
select throws_code(
  $$ select api.remove_content(the('moderator'), gen_random_uuid(), 'spam', the('spammer')) $$,
  'PT404', 'not_found', 'A missing group is not found'
);

select remember('batch', b.id)
from api.remove_content(
  the('moderator'), the('club'), '  spam  ', the('spammer'), p_since => now() - interval '1 day'
) as b;
select is(
  (
    select to_jsonb(b) - 'id' - 'created_at'
    from api.list_moderation_batches(the('moderator'), the('club')) as b
  ),
  jsonb_build_object(
    'group_id', the('club'), 'actor_id', the('moderator'), 'reason', 'spam', 'posts_count', 1,
    'comments_count', 2, 'restored_count', 0, 'undone_by', null, 'undone_at', null
  ),
  'A batch has the actor, the reason and the numbers of its items'
);
select is(
  (
    select array_agg(type order by id) from (
      select id, event_type as type from json_to_recordset(
        look($$ select json_agg(e order by id) from outbox_event as e $$)::json
      ) as e (id bigint, event_type text)
    ) as e
  ),
  array['comment.deleted', 'comment.deleted', 'post.deleted', 'content.removed'],
  'Each item and the batch have their own event'
);
select is(
  look($$ select array_agg(action order by action) from audit_log $$),
  '{comment.deleted,comment.deleted,content.removed,post.deleted}',
  'Each item and the batch have their own audit entry'
);
select is(
  look(format('select deleted_at is not null from %s where id = the(%L)', kind, name))::boolean,
  wanted,
  format('The filters select the removed items: %s', name)
)
from (values
  ('post', 'spam', true), ('post', 'good', false), ('post', 'old', false), ('post', 'elsewhere', false),
  ('comment', 'reply', true), ('comment', 'answer', false), ('comment', 'inside', true)
) as things (kind, name, wanted);
select is(
  look($$ select deleted_at < now() from comment where id = the('gone') $$), 'true',
  'Content that was deleted before does not belong to the batch'
);
select is(
  (select body || coalesce(author_id::text, '-') from api.list_comments(null, the('good')) where id = the('reply')),
  '-', 'A removed comment above a reply is a tombstone'
);
select is(
  (select posts_count from api.list_tags(null, own('chess'))), 0,
    'A removed post does not count in its tags'
);
select forget_events();
select is(
  (
    select array[b.posts_count, b.comments_count]
    from api.remove_content(
      the('admin'), the('club'), 'off topic', p_ids => array[the('old'), the('answer'), the('elsewhere')]
    ) as b
  ),
  array[1, 1]::bigint[], 'Ids select only content of the group'
);
select is(
  (
    select array[b.posts_count, b.comments_count]
    from api.remove_content(the('admin'), the('club'), 'again', the('spammer')) as b
  ),
  array[0, 0]::bigint[], 'Removed content is not removed again'
);
select counters_hold();

select * from finish();
rollback;
