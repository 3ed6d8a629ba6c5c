-- Receiving the events of a post. Proves rules 95.1 and 95.7.
begin;
select plan(36);

select make_group('public', 'public');
select make_group('private', 'private');
select make_group('gone', 'public');
select make_cast('public');
select make_cast('private');
select make_cast('gone');
select make_post('public_post', 'public');
select make_post('private_post', 'private');
select make_post('deleted_post', 'public');
select make_post('deleted_private_post', 'private');
select make_post('post_in_gone', 'gone');
select make_post('deleted_post_in_gone', 'gone');
update post set deleted_at = now()
where id in (the('deleted_post'), the('deleted_private_post'), the('deleted_post_in_gone'));
update group_entity set deleted_at = now() where id = the('gone');
set local role communities_job;

select is(
  exists (
    select from api.find_post_listeners(
      array[the(thing)], array[coalesce(the(actor), '00000000-0000-0000-0000-000000000000')]
    )
  ),
  outcome(format('select api.enter_channel(the(%L), ''post'', the(%L))', actor, thing)) = 'ok',
  format('%s hears of %s as long as they may enter', actor, thing)
)
from unnest(array[
  'public_post', 'private_post', 'deleted_post', 'deleted_private_post', 'post_in_gone',
  'deleted_post_in_gone'
]) as thing
cross join unnest(array[
  'anonymous', 'stranger', 'banned', 'member', 'moderator', 'owner'
]) as actor;

select * from finish();
rollback;
