-- Exporting a user. Proves rules 66.1 and 66.7.
begin;
select plan(13);

select make_group('club', 'private');
select make_group('own', 'secret', 'mia');
select make_member('mia', 'club');
select make_member('ben', 'club');
select make_post('post', 'club', 'mia', '{}', 'Words of Mia');
select make_post('deleted', 'club', 'mia');
select make_post('other', 'club', 'ben', '{}', 'Words of Ben');
select make_comment('comment', 'other', 'mia', null, 'A comment of Mia');
select make_comment('reply', 'other', 'ben', 'comment', 'A reply of Ben');
select make_reaction('post', 'other', 'mia', '🎉');
select make_upload('picture', 'mia');
select make_upload('loose', 'mia');
select api.link_attachment(the('mia'), key('picture'), 'post', the('post'));
select api.delete_post(the('mia'), the('deleted'));
select api.create_invite(the('mia'), the('own'), the('ben'));
select make_group('wish', 'private', 'ben');
select api.join_group(the('mia'), the('wish'));
set local role communities_job;

select throws_fields(
  format('select api.export_user(%L)', id), array['user_id'],
  format('The id %s is refused', coalesce(id, 'null'))
)
from (values (null), ('00000000-0000-0000-0000-000000000000')) as refused (id);
select is(
  (select count(*) from api.export_user(gen_random_uuid())), 0::bigint,
  'The export of an unknown user is empty'
);
select is(
  (
    select jsonb_object_agg(kind, n)
    from (select kind, count(*) as n from api.export_user(the('mia')) group by kind) as counted
  ),
  (
    jsonb_build_object(
      'group', 1, 'member', 2, 'invite', 1, 'join_request', 1, 'post', 2, 'comment', 1, 'reaction', 1,
      'attachment', 1, 'upload', 2
    )
    || jsonb_build_object(
      'audit_entry', look(format('select count(*) from audit_log where actor_id = %L', the('mia')))::int
    )
  ),
  'An export has all data about a user, deleted rows included'
);
select is(
  (select count(*) from api.export_user(the('mia')) where data::text like '%of Ben%'), 0::bigint,
  'An export has no texts of other users'
);
select is(
  (select data ->> 'body' from api.export_user(the('mia')) where kind = 'comment'), 'A comment of Mia',
  'An export has the unchanged texts of the user'
);
select is(
  (
    select data -> 'media' -> 0 ->> 'key' from api.export_user(the('mia'))
    where kind = 'post' and data ->> 'id' = the('post')::text
  ),
  (select data ->> 'key' from api.export_user(the('mia')) where kind = 'attachment'),
  'An exported attachment has the key of its object'
);
select is(
  (select array_agg(data ->> 'role' order by data ->> 'role') from api.export_user(the('mia')) where kind = 'member'),
  array['member', 'owner'], 'An exported membership has its role'
);
select is(
  (
    select array_agg(distinct kind order by kind) from api.export_user(the('ben'))
    where data::text like '%' || the('mia') || '%'
  ),
  array['invite'], 'The export of another user names the user only in their common invitations'
);
select throws_ok(
  format('set local role %I; select api.export_user(%L)', role, the('mia')), '42501', null,
  format('%s may not export a user', role)
)
from unnest(array['communities_service', 'communities_worker']) as role;
reset role;
select ok(
  (select bool_and(kind <> '' and data ? 'created_at') from api.export_user(the('mia'))),
  'Each exported item has its kind and its creation time'
);
select is(
  (select count(distinct data::text) from api.export_user(the('mia'))),
  (select count(*) from api.export_user(the('mia'))), 'Each item appears once in an export'
);

select * from finish();
rollback;
