-- Listing the batches of a group. Proves rule 65.6.
begin;
select plan(10);

select make_group('club', 'private');
select make_cast('club');
select make_post('post', 'club', 'member');
set local role communities_job;
select remember('b' || nr, b.id)
from generate_series(1, 5) as nr
cross join lateral api.remove_content(
  the('moderator'), the('club'), 'reason ' || nr, p_ids => array[the('post')]
) as b;
select backdate('moderation_batch', 'b' || nr, (5 - nr) * interval '1 minute') from generate_series(1, 3) as nr;
reset role;
set local role communities_job;

select outcomes_are(
  'Listing batches', $$select * from api.list_moderation_batches(the(%L), the('club'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, moderator ok, '
  'owner ok'
);
select is(
  (select count(*) from api.list_moderation_batches(the('admin'), the('club'), 2)), 2::bigint,
  'A page has at most p_limit rows'
);
select walks_are_complete(
  $$list_moderation_batches(the('admin'), the('club'))$$, true, 'every batch'
);
select is(
  (select array_agg(reason) from api.list_moderation_batches(the('admin'), the('club')) where id in (the('b1'), the('b3'))),
  array['reason 3', 'reason 1'], 'The newest row is the first'
);

select * from finish();
rollback;
