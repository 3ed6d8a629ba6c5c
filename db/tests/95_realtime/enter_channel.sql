-- Receiving the events of a group or post. Proves rule 95.1.
begin;
select plan(40);

select make_group('public', 'public');
select make_group('private', 'private');
select make_group('secret', 'secret');
select make_cast('public');
select make_cast('private');
select make_cast('secret');
select make_post('public_post', 'public');
select make_post('private_post', 'private');
select make_post('secret_post', 'secret');
set local role communities_job;

select is(
  outcome(format('select api.enter_channel(the(%L), %L, the(%L))', actor, kind, thing)),
  split_part(results, ' ', nr::int),
  format('%s enters %s: %s', actor, thing, split_part(results, ' ', nr::int))
)
from (values
  ('group', 'public', 'ok ok ok ok ok ok'),
  ('group', 'private', 'unauthenticated forbidden forbidden ok ok ok'),
  ('group', 'secret', 'not_found not_found not_found ok ok ok'),
  ('post', 'public_post', 'ok ok ok ok ok ok'),
  ('post', 'private_post', 'not_found not_found not_found ok ok ok'),
  ('post', 'secret_post', 'not_found not_found not_found ok ok ok')
) as matrix (kind, thing, results)
cross join unnest(array[
  'anonymous', 'stranger', 'banned', 'member', 'moderator', 'owner'
]) with ordinality as actors (actor, nr);

select is(
  api.enter_channel(the('member'), 'post', the('secret_post')), the('secret'),
  'A post is told of with its group'
);
select is(
  api.enter_channel(the('member'), 'group', the('secret')), the('secret'), 'A group is its own'
);
select throws_code(
  format('select api.enter_channel(the(''owner''), %s, the(''public''))', kind),
  'PT400', 'validation_failed', format('Nothing else is told of: %s', kind)
)
from unnest(array[$$'comment'$$, 'null']) as kind;

select * from finish();
rollback;
