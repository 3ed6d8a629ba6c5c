-- Receiving the deletion of a group. Proves rule 95.8.
begin;
select plan(18);

select make_group('public', 'public');
select make_group('private', 'private');
select make_group('secret', 'secret');
select make_cast('public');
select make_cast('private');
select make_cast('secret');
update group_entity set deleted_at = now() where id in (the('public'), the('private'), the('secret'));
set local role communities_job;

select is(
  exists (
    select from api.find_last_listeners(
      array[the(thing)], array[coalesce(the(actor), '00000000-0000-0000-0000-000000000000')]
    )
  ),
  hears, format('%s hears of the end of the %s group: %s', actor, thing, hears)
)
from (values
  ('public', array[true, true, true, true, true, true]),
  ('private', array[false, false, false, true, true, true]),
  ('secret', array[false, false, false, true, true, true])
) as matrix (thing, results)
cross join unnest(
  array['anonymous', 'stranger', 'banned', 'member', 'moderator', 'owner'], results
) as actors (actor, hears);

select * from finish();
rollback;
