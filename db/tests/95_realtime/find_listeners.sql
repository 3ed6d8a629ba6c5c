-- Receivers of the events of groups and posts. Proves rules 95.1, 95.7 and 95.8.
begin;
select plan(79);

select make_group('public', 'public');
select make_group('private', 'private');
select make_group('secret', 'secret');
select make_group('gone', 'public');
select make_group('gone_private', 'private');
select make_group('gone_secret', 'secret');
select make_cast('public');
select make_cast('private');
select make_cast('secret');
select make_cast('gone');
select make_cast('gone_private');
select make_cast('gone_secret');
select make_post('public_post', 'public');
select make_post('private_post', 'private');
select make_post('deleted_post', 'public');
select make_post('deleted_private_post', 'private');
select make_post('post_in_gone', 'gone');
select make_post('deleted_post_in_gone', 'gone');
update post set deleted_at = now()
where id in (the('deleted_post'), the('deleted_private_post'), the('deleted_post_in_gone'));
update group_entity set deleted_at = now()
where id in (the('gone'), the('gone_private'), the('gone_secret'));
set local role communities_job;

create function pg_temp.receives(p_kind text, p_channel text, p_actor text) returns boolean
language sql as $$
  select exists (
    select from api.find_listeners(
      p_kind, array[the(p_channel)],
      array[coalesce(the(p_actor), '00000000-0000-0000-0000-000000000000')]
    )
  )
$$;

select is(
  pg_temp.receives(kind, channel, actor),
  outcome(format('select api.enter_channel(the(%L), %L, the(%L))', actor, kind, channel)) = 'ok',
  format('%s receives the events of %s exactly when they may enter', actor, channel)
)
from (values
  ('group', 'public'), ('group', 'private'), ('group', 'secret'), ('group', 'gone'),
  ('post', 'public_post'), ('post', 'private_post'), ('post', 'deleted_post'),
  ('post', 'deleted_private_post'), ('post', 'post_in_gone'), ('post', 'deleted_post_in_gone')
) as channels (kind, channel)
cross join unnest(array[
  'anonymous', 'stranger', 'banned', 'member', 'moderator', 'owner'
]) as actor;

select is(
  pg_temp.receives('deleted_group', channel, actor), receives,
  format('%s receives the deletion of %s: %s', actor, channel, receives)
)
from (values
  ('gone', array[true, true, true, true, true, true]),
  ('gone_private', array[false, false, false, true, true, true]),
  ('gone_secret', array[false, false, false, true, true, true])
) as matrix (channel, results)
cross join unnest(
  array['anonymous', 'stranger', 'banned', 'member', 'moderator', 'owner'], results
) as actors (actor, receives);

select throws_code(
  $$ select api.find_listeners('comment', '{}', '{}') $$, 'PT400', 'validation_failed',
  'Another kind of channel is refused'
);

select * from finish();
rollback;
