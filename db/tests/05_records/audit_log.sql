-- The audit log and its events. Proves rules 05.1, 05.2, 05.3 and 05.7.
begin;
select plan(13);

select make_group('club');
select make_cast('club');
select make_post('post', 'club', 'member', '{}', 'Before');
select forget_events();
select throws_ok(statement, '23001', null, description)
from (values
  ('update audit_log set action = ''x''', 'An entry of the audit log cannot be updated'),
  ('delete from audit_log', 'An entry of the audit log cannot be deleted'),
  ('truncate audit_log', 'The audit log cannot be truncated')
) as attempts (statement, description);

set local role communities_job;
select throws_ok(
  'update public.audit_log set action = ''x''', '42501', null,
  'A serving role has no right to update the audit log'
);
select from api.update_post(the('member'), the('post'), '{"body": "After"}');
select is(
  audited() - 'id' - 'created_at' - 'before' - 'after',
  jsonb_build_object(
    'group_id', the('club'), 'actor_id', the('member'), 'action', 'post.updated',
    'subject_type', 'post', 'subject_id', the('post')
  ),
  'An audit entry has the group, the actor, the action and the subject'
);
select is(
  audited() #>> '{before,body}', 'Before', 'An audit entry has the state before the change'
);
select is(audited() #>> '{after,body}', 'After', 'An audit entry has the state after the change');
select is(
  (audited() ->> 'created_at')::timestamptz, now(), 'An audit entry has the time of its transaction'
);
select is(event() -> 'data', audited() -> 'after', 'The event has the state after the change');
select is(event() -> 'data' ? 'before', false, 'The event omits the state before the change');

-- A rollback undoes the event and the audit entry with the change.
savepoint before;
select from api.delete_post(the('member'), the('post'));
rollback to before;
select events_are(
  array['post.updated'], array['post.updated'],
  'A rolled-back change leaves no event and no audit entry'
);
select is(
  (select occurred from (select (event() ->> 'occurred_at')::timestamptz as occurred) as e), now(),
  'An event has the time of its transaction'
);
select is(
  look($$ select group_id from outbox_event $$)::uuid, the('club'),
  'An event has the id of its group'
);

select * from finish();
rollback;
