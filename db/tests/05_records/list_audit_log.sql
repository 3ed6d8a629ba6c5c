-- Listing the audit log of a group. Proves rule 05.5.
begin;
select plan(16);

select make_group('club');
select make_group('other', 'public', 'admin');
select make_cast('club');
select make_post('post', 'club', 'member');
select forget_events();
select from generate_series(1, 5) as n
cross join lateral api.set_post_pinned(the('moderator'), the('post'), n % 2 = 1) as p;
select from api.update_group(the('admin'), the('other'), '{"is_locked": true}');
set local role communities_job;

select throws_code(
  format('select * from api.list_audit_log(the(%L), the(''club''))', actor), state, code,
  format('The audit log is refused to the %s', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'banned'), ('muted', 'PT403', 'forbidden'), ('member', 'PT403', 'forbidden'),
  ('moderator', 'PT403', 'forbidden')
) as refused (actor, state, code);
select is(
  (select count(*) from api.list_audit_log(the(actor), the('club'))), 5::bigint,
  format('The audit log is visible to the %s', actor)
)
from unnest(array['admin', 'owner']) as actor;
select bag_eq(
  $$ select action from api.list_audit_log(the('admin'), the('club')) $$,
  array['post.pinned', 'post.unpinned', 'post.pinned', 'post.unpinned', 'post.pinned'],
  'The audit log of a group has only entries of that group'
);
select walks_are_complete($$list_audit_log(the('admin'), the('club'))$$, true, 'every entry');
select is(
  (select count(*) from api.list_audit_log(the('admin'), the('club'), p_limit => 2)), 2::bigint,
  'A page has at most p_limit entries'
);
select throws_fields(
  $$ select api.list_audit_log(the('admin'), the('club'), p_limit => 0) $$, array['limit'],
  'A limit of 0 is refused'
);
select throws_code(
  $$ select api.list_audit_log(the('admin'), the('club'), p_before => 'x') $$,
  'PT400', 'invalid_cursor', 'A malformed cursor is refused'
);
select throws_code(
  $$ select api.list_audit_log(the('admin'), gen_random_uuid()) $$, 'PT404', 'not_found',
  'A missing group is not found'
);
select counters_hold();

select * from finish();
rollback;
