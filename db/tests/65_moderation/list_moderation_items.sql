-- Listing the posts and comments of a batch. Proves rule 65.6.
begin;
select plan(13);

select make_group('club', 'private');
select make_cast('club');
select make_post('p' || nr, 'club', 'member') from generate_series(1, 3) as nr;
select make_comment('c1', 'p3', 'member');
select backdate('post', 'p' || nr, (5 - nr) * interval '1 minute') from generate_series(1, 3) as nr;
set local role communities_job;
select remember('batch', b.id)
from api.remove_content(the('moderator'), the('club'), 'spam', the('member')) as b;

select outcomes_are(
  'Listing the items of a batch',
  $$select * from api.list_moderation_items(the(%L), the('batch'))$$,
  'anonymous unauthenticated, stranger forbidden, banned banned, member forbidden, moderator ok, '
  'owner ok'
);
select is(
  outcome('select * from api.list_moderation_items(the(''owner''), gen_random_uuid())'),
  'not_found',
  'A missing batch is not found'
);
select is(
  (select array_agg(id) from api.list_moderation_items(the('admin'), the('batch'))),
  array[the('c1'), the('p3'), the('p2'), the('p1')], 'The newest row is the first'
);
select is(
  (
    select array_agg(distinct (subject_type, author_id, restored_at)::text)
    from api.list_moderation_items(the('admin'), the('batch'))
  ),
  array[('comment', the('member'), null)::text, ('post', the('member'), null)::text],
  'An item has its type and its author'
);
select is(
  (select count(*) from api.list_moderation_items(the('admin'), the('batch'), 2)), 2::bigint,
  'A page has at most p_limit rows'
);
select is(
  walk('list_moderation_items(the(''admin''), the(''batch''))', 'before', true),
  array[the('c1'), the('p3'), the('p2'), the('p1')],
  'A walk before returns every item once, newest first'
);
select is(
  walk('list_moderation_items(the(''admin''), the(''batch''))', 'after', true),
  array[the('p1'), the('p2'), the('p3'), the('c1')],
  'A walk after returns every item once, oldest first'
);
select api.undo_removal(the('admin'), the('batch'));
select is(
  (select count(restored_at) from api.list_moderation_items(the('admin'), the('batch'))), 4::bigint,
  'A restored item stays in the list with the time of its restoration'
);

select * from finish();
rollback;
