-- The audit log and its events. Proves rules 05.1, 05.2, 05.3 and 05.7.
begin;
select plan(13);

select make_group('club');
select make_cast('club');
select make_post('post', 'club', 'member', '{}', 'Before');
select forget_events();
select throws_ok(statement, '23001', null, description)
from (values
  ('update audit_log set action = ''x''', 'An entry of the audit log is never changed'),
  ('delete from audit_log', 'An entry of the audit log is never removed'),
  ('truncate audit_log', 'The audit log is never emptied')
) as attempts (statement, description);

set local role communities_job;
select throws_ok(
  'update public.audit_log set action = ''x''', '42501', null, 'No role that serves comes near it'
);
select from api.update_post(the('member'), the('post'), '{"body": "After"}');
select is(
  audited() - 'id' - 'created_at' - 'before' - 'after',
  jsonb_build_object(
    'group_id', the('club'), 'actor_id', the('member'), 'action', 'post.updated',
    'subject_type', 'post', 'subject_id', the('post')
  ),
  'An entry tells who did what, to what'
);
select is(audited() #>> '{before,body}', 'Before', 'An entry tells what was before');
select is(audited() #>> '{after,body}', 'After', 'And what came after');
select is((audited() ->> 'created_at')::timestamptz, now(), 'And when');
select is(event() -> 'data', audited() -> 'after', 'Its event has the same content');
select is(event() -> 'data' ? 'before', false, 'But not what was before');

-- An effect that is taken back takes its event and its entry with it.
savepoint before;
select from api.delete_post(the('member'), the('post'));
rollback to before;
select events_are(
  array['post.updated'], array['post.updated'], 'What did not happen leaves no event and no entry'
);
select is(
  (select occurred from (select (event() ->> 'occurred_at')::timestamptz as occurred) as e), now(),
  'An event tells when it happened'
);
select is(
  look($$ select group_id from outbox_event $$)::uuid, the('club'), 'An event belongs to its group'
);

select * from finish();
rollback;
