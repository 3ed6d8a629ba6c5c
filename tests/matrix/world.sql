-- Functions that create a world: a group with one user in every role, and a post and a comment of the
-- author.
--
-- p_who maps the names of users to their ids, and p_state is a state of the tables.

create function pg_temp.make_world(p_who jsonb, p_visibility text, p_state text, p_author text)
returns jsonb
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_owner uuid := p_who ->> 'owner';
  v_author uuid := p_who ->> p_author;
  v_tag text := 'w' || replace(gen_random_uuid()::text, '-', '');
  v_group groups;
  v_post uuid;
  v_comment uuid;
  v_invite invites;
begin
  select * into v_group from create_group(v_owner, 'A group of the matrix', p_visibility);
  -- Inserts members directly, which takes a tenth of the time of the doors.
  insert into group_member (group_id, user_id, role)
  select v_group.id, (p_who ->> who)::uuid, role
  from (
    values
      ('left', 'member'), ('banned', 'member'), ('muted', 'member'), ('member', 'member'),
      ('moderator', 'moderator'), ('admin', 'admin'), ('other_member', 'member'),
      (p_author, 'member')
  ) as people (who, role)
  union all
  select v_group.id, (p_who ->> ('other_' || role))::uuid, role
  from unnest(array['moderator', 'admin', 'owner']) as role
  where p_state = 'ranks';
  select id into v_post from create_post(v_author, v_group.id, 'A post', p_topic_tags => array[v_tag]);
  select id into v_comment from create_comment(v_author, v_post, 'A comment');
  perform add_reaction(v_author, 'post', v_post, '❤');
  perform add_reaction(v_author, 'comment', v_comment, '❤');
  if p_state like '%reacted%' then
    perform add_reaction(user_id, 'post', v_post, '👍'), add_reaction(user_id, 'comment', v_comment, '👍')
    from group_member where group_id = v_group.id;
  end if;
  select * into v_invite from create_invite(v_owner, v_group.id);
  insert into join_request (group_id, user_id) values (v_group.id, (p_who ->> 'requester')::uuid);
  perform pg_temp.change_standing(v_owner, v_group.id, (p_who ->> who)::uuid, who)
  from unnest(array['left', 'banned', 'muted', p_author]) as who;
  perform pg_temp.change_state(v_owner, v_group.id, v_post, v_comment, p_state);
  return p_who || jsonb_build_object(
    'group', v_group.id, 'slug', v_group.slug, 'post', v_post, 'comment', v_comment,
    'invite', v_invite.id, 'code', v_invite.code, 'tag', v_tag, 'new_tag', v_tag || 'new'
  );
end
$$;

create function pg_temp.change_standing(p_owner uuid, p_group uuid, p_user uuid, p_who text)
returns void
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if p_who like 'left%' then
    perform leave_group(p_user, p_group);
  elsif p_who like 'banned%' then
    perform ban_member(p_owner, p_group, p_user);
  elsif p_who like 'muted%' then
    perform mute_member(p_owner, p_group, p_user, now() + interval '1 day');
  elsif p_who like 'moderator%' then
    perform put_member(p_owner, p_group, p_user, 'moderator');
  end if;
end
$$;

create function pg_temp.change_state(
  p_owner uuid, p_group uuid, p_post uuid, p_comment uuid, p_state text
)
returns void
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if p_state = 'tombstone' then
    perform create_comment(p_owner, p_post, 'A living reply', p_comment);
  end if;
  if p_state like '%comment deleted' or p_state = 'tombstone' then
    perform delete_comment(p_owner, p_comment);
  elsif p_state like '%post deleted' then
    perform delete_post(p_owner, p_post);
  elsif p_state like '%group deleted' then
    perform delete_group(p_owner, p_group);
  elsif p_state = 'locked' then
    perform update_group(p_owner, p_group, '{"is_locked": true}');
  end if;
end
$$;
