-- Registry of event types, compared with the events that functions emit. Proves rules 06.1, 06.11
-- and 06.12.
begin;
select plan(7);

create temporary view emitted as
select distinct m[1] as type
from pg_catalog.pg_proc as p
cross join lateral regexp_matches(
  coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
  '(?:emit|record\w*)\(\s*''([a-z_]+\.[a-z_]+)''', 'g'
) as m
where p.pronamespace = 'api'::regnamespace;

select cmp_ok(
  (select count(*) from emitted), '>=', 20::bigint, 'The test covers the emitted events'
);
select is_empty(
  $$ select type from emitted where type not in (select type from api.event_types()) $$,
  'An emitted event type is registered'
);
select is_empty(
  $$ select type from api.event_types() group by type having count(*) > 1 $$,
  'An event type is registered once'
);
select is(
  api.stream_of('reaction.added', 'comment'), 'comm:comment',
  'An event on a comment belongs to the stream comm:comment'
);
select is(
  api.stream_of('reaction.added', 'post'), 'comm:post',
  'An event on a post belongs to the stream comm:post'
);
select is(api.stream_of('member.muted', 'member'), null, 'Members receive no event about a mute');
select is(api.is_searched('no.such_event'), false, 'Search ignores an unknown event type');

select * from finish();
rollback;
