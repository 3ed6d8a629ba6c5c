-- The rights of each role: every role, visibility, deletion state and door.
--
-- Each line lists the outcomes for eight callers, in this order: anonymous, stranger, banned,
-- muted, member, moderator, admin, owner. A dot means success. A number means the general error of
-- its status: 401 unauthenticated, 403 forbidden, 404 not_found.
--
-- Proves rules 04.1, 04.2, 04.4, 04.5, 04.6, 04.7, 04.8, 04.9, 04.10, 04.11, 04.12, 04.13 and
-- 04.15.
begin;

create temporary table expectations (door text, visibilities text, states text, answers text);
insert into expectations
values
  -- The card of a group.
  ('get_group', 'public private', 'normal comment_deleted post_deleted', '. . . . . . . .'),
  ('get_group', 'secret', 'normal comment_deleted post_deleted', '404 404 404 . . . . .'),
  ('get_group', 'public private secret', 'group_deleted', '404 404 404 404 404 . . .'),
  ('get_group_by_slug', 'public private', 'normal comment_deleted post_deleted', '. . . . . . . .'),
  ('get_group_by_slug', 'secret', 'normal comment_deleted post_deleted', '404 404 404 . . . . .'),
  ('get_group_by_slug', 'public private secret', 'group_deleted',
    '404 404 404 404 404 404 404 404'),
  -- Content by the id of its group.
  ('list_posts', 'public', 'normal comment_deleted post_deleted', '. . . . . . . .'),
  ('list_posts', 'private', 'normal comment_deleted post_deleted', '401 403 403 . . . . .'),
  ('list_posts', 'secret', 'normal comment_deleted post_deleted', '404 404 404 . . . . .'),
  ('list_posts', 'public private secret', 'group_deleted', '404 404 404 404 404 . . .'),
  ('list_deleted_posts', 'public', 'normal comment_deleted post_deleted',
    '401 403 BANNED 403 403 . . .'),
  ('list_deleted_posts', 'private', 'normal comment_deleted post_deleted',
    '401 403 403 403 403 . . .'),
  ('list_deleted_posts', 'secret', 'normal comment_deleted post_deleted',
    '404 404 404 403 403 . . .'),
  ('list_deleted_posts', 'public private secret', 'group_deleted', '404 404 404 404 404 . . .'),
  ('list_members', 'public', 'normal comment_deleted post_deleted', '. . . . . . . .'),
  ('list_members', 'private', 'normal comment_deleted post_deleted', '401 403 403 . . . . .'),
  ('list_members', 'secret', 'normal comment_deleted post_deleted', '404 404 404 . . . . .'),
  ('list_members', 'public private secret', 'group_deleted', '404 404 404 404 404 . . .'),
  ('get_member', 'public', 'normal comment_deleted post_deleted', '. . . . . . . .'),
  ('get_member', 'private', 'normal comment_deleted post_deleted', '401 403 403 . . . . .'),
  ('get_member', 'secret', 'normal comment_deleted post_deleted', '404 404 404 . . . . .'),
  ('get_member', 'public private secret', 'group_deleted', '404 404 404 404 404 . . .'),
  ('list_bans', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED 403 403 403 . .'),
  ('list_bans', 'secret', 'normal comment_deleted post_deleted', '401 404 404 403 403 403 . .'),
  ('list_bans', 'public private secret', 'group_deleted', '401 404 404 404 404 403 . .'),
  -- Content by its own id: not found unless the caller may see it.
  ('get_post', 'public', 'normal comment_deleted', '. . . . . . . .'),
  ('get_post', 'private secret', 'normal comment_deleted', '404 404 404 . . . . .'),
  ('get_post', 'public private secret', 'post_deleted group_deleted', '404 404 404 404 404 . . .'),
  ('list_comments', 'public', 'normal comment_deleted', '. . . . . . . .'),
  ('list_comments', 'private secret', 'normal comment_deleted', '404 404 404 . . . . .'),
  ('list_comments', 'public private secret', 'post_deleted group_deleted',
    '404 404 404 404 404 . . .'),
  ('list_deleted_comments', 'public', 'normal comment_deleted', '401 403 BANNED 403 403 . . .'),
  ('list_deleted_comments', 'private secret', 'normal comment_deleted',
    '404 404 404 403 403 . . .'),
  ('list_deleted_comments', 'public private secret', 'post_deleted group_deleted',
    '404 404 404 404 404 . . .'),
  ('list_reactions', 'public', 'normal comment_deleted', '. . . . . . . .'),
  ('list_reactions', 'private secret', 'normal comment_deleted', '404 404 404 . . . . .'),
  ('list_reactions', 'public private secret', 'post_deleted group_deleted',
    '404 404 404 404 404 . . .'),
  ('get_comment', 'public', 'normal', '. . . . . . . .'),
  ('get_comment', 'private secret', 'normal', '404 404 404 . . . . .'),
  ('get_comment', 'public private secret', 'comment_deleted post_deleted group_deleted',
    '404 404 404 404 404 . . .'),
  ('summarise_reactions', 'public', 'normal', '. . . . . . . .'),
  ('summarise_reactions', 'private secret', 'normal', '404 404 404 . . . . .'),
  ('summarise_reactions', 'public private secret', 'comment_deleted post_deleted group_deleted',
    '404 404 404 404 404 . . .'),
  -- Managing a group.
  ('update_group', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED 403 403 403 . .'),
  ('update_group', 'secret', 'normal comment_deleted post_deleted', '401 404 404 403 403 403 . .'),
  ('update_group', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 403'),
  ('delete_group', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED 403 403 403 403 .'),
  ('delete_group', 'secret', 'normal comment_deleted post_deleted',
    '401 404 404 403 403 403 403 .'),
  ('delete_group', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 .'),
  ('restore_group', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED 403 403 403 403 .'),
  ('restore_group', 'secret', 'normal comment_deleted post_deleted',
    '401 404 404 403 403 403 403 .'),
  ('restore_group', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 .'),
  -- Joining and leaving.
  ('join_group', 'public private', 'normal comment_deleted post_deleted',
    '401 . BANNED IN IN IN IN IN'),
  ('join_group', 'secret', 'normal comment_deleted post_deleted', '401 404 404 IN IN IN IN IN'),
  ('join_group', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 403'),
  ('leave_group', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED . . . . LAST'),
  ('leave_group', 'secret', 'normal comment_deleted post_deleted', '401 404 404 . . . . LAST'),
  ('leave_group', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 403'),
  -- Writing.
  ('create_post', 'public private', 'normal comment_deleted post_deleted',
    '401 403 BANNED MUTED . . . .'),
  ('create_post', 'secret', 'normal comment_deleted post_deleted', '401 404 404 MUTED . . . .'),
  ('create_post', 'public private secret', 'group_deleted', '401 404 404 404 404 403 403 403'),
  ('create_comment', 'public', 'normal comment_deleted', '401 403 BANNED MUTED . . . .'),
  ('create_comment', 'private secret', 'normal comment_deleted', '401 404 404 MUTED . . . .'),
  ('create_comment', 'public private secret', 'post_deleted group_deleted',
    '401 404 404 404 404 403 403 403'),
  ('add_reaction', 'public', 'normal', '401 403 BANNED . . . . .'),
  ('add_reaction', 'private secret', 'normal', '401 404 404 . . . . .'),
  ('add_reaction', 'public private secret', 'comment_deleted post_deleted group_deleted',
    '401 404 404 404 404 403 403 403'),
  ('update_post', 'public', 'normal comment_deleted', '401 403 403 403 403 403 403 403'),
  ('update_post', 'private secret', 'normal comment_deleted', '401 404 404 403 403 403 403 403'),
  ('update_post', 'public private secret', 'post_deleted group_deleted',
    '401 404 404 404 404 403 403 403'),
  -- Moderating the content of another author.
  ('delete_post', 'public', 'normal comment_deleted', '401 403 BANNED 403 403 . . .'),
  ('delete_post', 'private secret', 'normal comment_deleted', '401 404 404 403 403 . . .'),
  ('delete_post', 'public private secret', 'post_deleted group_deleted',
    '401 404 404 404 404 . . .'),
  ('restore_post', 'public', 'normal comment_deleted', '401 403 BANNED 403 403 . . .'),
  ('restore_post', 'private secret', 'normal comment_deleted', '401 404 404 403 403 . . .'),
  ('restore_post', 'public private secret', 'post_deleted', '401 404 404 404 404 . . .'),
  ('restore_post', 'public private secret', 'group_deleted',
    '401 404 404 404 404 PARENT PARENT PARENT'),
  ('set_post_pinned', 'public', 'normal comment_deleted', '401 403 BANNED 403 403 . . .'),
  ('set_post_pinned', 'private secret', 'normal comment_deleted', '401 404 404 403 403 . . .'),
  ('set_post_pinned', 'public private secret', 'post_deleted group_deleted',
    '401 404 404 404 404 403 403 403'),
  ('delete_comment', 'public', 'normal', '401 403 BANNED 403 403 . . .'),
  ('delete_comment', 'private secret', 'normal', '401 404 404 403 403 . . .'),
  ('delete_comment', 'public private secret', 'comment_deleted post_deleted group_deleted',
    '401 404 404 404 404 . . .'),
  ('restore_comment', 'public', 'normal', '401 403 BANNED 403 403 . . .'),
  ('restore_comment', 'private secret', 'normal', '401 404 404 403 403 . . .'),
  ('restore_comment', 'public private secret', 'comment_deleted', '401 404 404 404 404 . . .'),
  ('restore_comment', 'public private secret', 'post_deleted group_deleted',
    '401 404 404 404 404 PARENT PARENT PARENT');

-- %1$s is the caller and %2$s the group, with its post …_post and its comment …_comment.
create temporary table calls (door text, call text);
insert into calls
values
  ('get_group', $$ api.get_group(the('%1$s'), the('%2$s')) $$),
  ('get_group_by_slug', $$ api.get_group_by_slug(the('%1$s'), slug('%2$s')) $$),
  ('list_posts', $$ api.list_posts(the('%1$s'), the('%2$s')) $$),
  ('list_deleted_posts', $$ api.list_posts(the('%1$s'), the('%2$s'), p_deleted => true) $$),
  ('list_members', $$ api.list_members(the('%1$s'), the('%2$s')) $$),
  ('get_member', $$ api.get_member(the('%1$s'), the('%2$s'), the('author')) $$),
  ('list_bans', $$ api.list_bans(the('%1$s'), the('%2$s')) $$),
  ('get_post', $$ api.get_post(the('%1$s'), the('%2$s_post')) $$),
  ('list_comments', $$ api.list_comments(the('%1$s'), the('%2$s_post')) $$),
  ('list_deleted_comments', $$ api.list_comments(the('%1$s'), the('%2$s_post'), p_deleted => true) $$),
  ('list_reactions', $$ api.list_reactions(the('%1$s'), 'post', the('%2$s_post')) $$),
  ('get_comment', $$ api.get_comment(the('%1$s'), the('%2$s_comment')) $$),
  ('summarise_reactions', $$ api.summarise_reactions(the('%1$s'), 'comment', the('%2$s_comment')) $$),
  ('update_group', $$ api.update_group(the('%1$s'), the('%2$s'), '{"description": "New"}') $$),
  ('delete_group', $$ api.delete_group(the('%1$s'), the('%2$s')) $$),
  ('restore_group', $$ api.restore_group(the('%1$s'), the('%2$s')) $$),
  ('join_group', $$ api.join_group(the('%1$s'), the('%2$s')) $$),
  ('leave_group', $$ api.leave_group(the('%1$s'), the('%2$s')) $$),
  ('create_post', $$ api.create_post(the('%1$s'), the('%2$s'), 'A post') $$),
  ('create_comment', $$ api.create_comment(the('%1$s'), the('%2$s_post'), 'A comment') $$),
  ('add_reaction', $$ api.add_reaction(the('%1$s'), 'comment', the('%2$s_comment'), '👍') $$),
  ('update_post', $$ api.update_post(the('%1$s'), the('%2$s_post'), '{"body": "New"}') $$),
  ('delete_post', $$ api.delete_post(the('%1$s'), the('%2$s_post')) $$),
  ('restore_post', $$ api.restore_post(the('%1$s'), the('%2$s_post')) $$),
  ('set_post_pinned', $$ api.set_post_pinned(the('%1$s'), the('%2$s_post'), true) $$),
  ('delete_comment', $$ api.delete_comment(the('%1$s'), the('%2$s_comment')) $$),
  ('restore_comment', $$ api.restore_comment(the('%1$s'), the('%2$s_comment')) $$);

create temporary table cases as
select
  door, call, visibility, state, visibility || '_' || state as name,
  array(
    select answers from expectations as e
    where e.door = calls.door and visibility = any (string_to_array(visibilities, ' '))
      and state = any (string_to_array(states, ' '))
  ) as answers
from calls
cross join unnest(array['public', 'private', 'secret']) as visibility
cross join unnest(array['normal', 'comment_deleted', 'post_deleted', 'group_deleted']) as state;

create function pg_temp.slug(p_group text) returns text language sql as $$
  select look(format('select slug from group_entity where id = %L', the(p_group)))
$$;
create function pg_temp.answers(p_call text, p_name text) returns text language sql as $$
  select string_agg(
    case a
      when 'ok' then '.'
      when 'unauthenticated' then '401'
      when 'forbidden' then '403'
      when 'not_found' then '404'
      when 'banned' then 'BANNED'
      when 'muted' then 'MUTED'
      when 'already_member' then 'IN'
      when 'last_owner' then 'LAST'
      when 'parent_deleted' then 'PARENT'
      else a
    end,
    ' ' order by nr
  )
  from unnest(array[
    'anonymous', 'stranger', 'banned', 'muted', 'member', 'moderator', 'admin', 'owner'
  ]) with ordinality as caller (name, nr)
  cross join lateral outcome(
    'select * from' || replace(format(p_call, name, p_name), ' slug(', ' pg_temp.slug(')
  ) as a
$$;

select make_group(name, visibility) from cases group by name, visibility;
select make_cast(name) from cases group by name;
select make_member('author', name) from cases group by name;
select make_post(name || '_post', name, 'author') from cases group by name;
select make_comment(name || '_comment', name || '_post', 'author') from cases group by name;
select api.delete_comment(the('owner'), the(name || '_comment')) from cases
where state = 'comment_deleted' group by name;
select api.delete_post(the('owner'), the(name || '_post')) from cases
where state = 'post_deleted' group by name;
select api.delete_group(the('owner'), the(name)) from cases
where state = 'group_deleted' group by name;
grant select on cases to communities_job;

select plan(2 + count(*)::int) from cases;
select is_empty(
  'select door, visibility, state from cases where cardinality(answers) <> 1',
  'Every case has exactly one expectation'
);

set local role communities_job;
select is(
  pg_temp.answers(call, name), answers[1],
  format(
    '%s() in a %s group has the expected outcomes: %s', door, visibility, replace(state, '_', ' ')
  )
)
from cases order by door, visibility, state;
select counters_hold();

select * from finish();
rollback;
