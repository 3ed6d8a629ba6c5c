-- Policy: the visibility of content and the rights of an actor. Only these functions decide them,
-- and every door calls them.
--
-- The require_visible_… functions return the standing of the actor to a group, post or comment. The
-- other require_… functions raise an error when that standing does not suffice. A door calls them
-- before it validates the other arguments (rule 04.16).

create type api.standing as (
  group_id uuid,
  visibility text,
  is_locked boolean,
  role text, -- null for a non-member
  rank int, -- 4 owner, 3 admin, 2 moderator, 1 member, 0 none
  is_banned boolean,
  is_muted boolean,
  is_parent_deleted boolean, -- the group or post that contains the subject is deleted
  is_deleted boolean, -- the subject itself is deleted
  post_id uuid,
  author_id uuid
);
comment on type api.standing is
  'The rights and limits of an actor towards a group, a post or a comment.';

create function api.rank_of(p_role text)
returns int
language sql immutable
return coalesce(array_position(array['member', 'moderator', 'admin', 'owner'], p_role), 0);
comment on function api.rank_of(text) is
  'Returns the rank of a role, from 4 for an owner to 1 for a member, and 0 for none (rule 04.1).';

create view api.member_standing as
select
  group_id, user_id,
  case when left_at is null then role end as role,
  api.is_ban_active(is_banned, banned_until) as is_banned,
  coalesce(muted_until > now(), false) as is_muted
from public.group_member;
comment on view api.member_standing is
  'The current role, ban and mute of each user in each group (rules 04.2 and 04.3).';

create function api.is_visible(p_visibility text, p_role text, p_is_deleted boolean)
returns boolean
language sql immutable
return case
  when p_is_deleted then api.rank_of(p_role) >= 2 else p_visibility = 'public' or p_role is not null
end;
comment on function api.is_visible(text, text, boolean) is
  'Returns whether the content of a group is visible to a caller with this role. A public group is '
  'visible to everyone, any other to its members, and deleted content only to moderators (rules '
  '04.5, 04.6 and 04.8).';

-- Callers -----------------------------------------------------------------------------------------

create function api.require_actor(p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if viewer(p_actor) = viewer(null) then
    perform fail('unauthenticated');
  end if;
end
$$;
comment on function api.require_actor(uuid) is
  'Raises unauthenticated for an anonymous caller (rule 04.13).';

create function api.require_user_id(p_user_id uuid)
returns void
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
begin
  if viewer(p_user_id) = viewer(null) then
    perform fail('not_found');
  end if;
end
$$;
comment on function api.require_user_id(uuid) is
  'Raises not_found for the nil UUID, which stands for anonymous callers (rule 04.14).';

-- Visibility --------------------------------------------------------------------------------------

create function api.standing_in(
  p_group public.group_entity, p_actor uuid, p_is_parent_deleted boolean, p_is_deleted boolean,
  p_post_id uuid, p_author_id uuid
)
returns setof api.standing
language sql stable rows 1
begin atomic
  select
    p_group.id, p_group.visibility, p_group.is_locked, m.role, api.rank_of(m.role),
    coalesce(m.is_banned, false), coalesce(m.is_muted, false), p_is_parent_deleted, p_is_deleted,
    p_post_id, p_author_id
  from (select) as one
  left join api.member_standing as m on m.group_id = p_group.id and m.user_id = p_actor;
end;
comment on function api.standing_in(public.group_entity, uuid, boolean, boolean, uuid, uuid) is
  'Returns the standing of the actor to a subject in this group. The planner inlines it.';

create function api.require_visible_group(p_actor uuid, p_group_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing;
begin
  select s.* into v_standing
  from group_entity as g
  cross join lateral standing_in(g, p_actor, false, g.deleted_at is not null, null, null) as s
  where g.id = p_group_id;
  if v_standing.group_id is null
    or (v_standing.visibility = 'secret' and v_standing.rank = 0)
    or (v_standing.is_deleted and v_standing.rank < 2)
  then
    perform fail('not_found');
  end if;
  return v_standing;
end
$$;
comment on function api.require_visible_group(uuid, uuid) is
  'Returns the standing of the actor to a group. Raises not_found for a secret group to '
  'non-members, and for a deleted group below moderator (rules 04.4 and 04.8).';

create function api.require_visible_post(p_actor uuid, p_post_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing;
begin
  select s.* into v_standing
  from post as p
  join group_entity as g on g.id = p.group_id
  cross join lateral standing_in(
    g, p_actor, g.deleted_at is not null, p.deleted_at is not null, p.id, p.author_id
  ) as s
  where p.id = p_post_id;
  perform require_visible(v_standing);
  return v_standing;
end
$$;
comment on function api.require_visible_post(uuid, uuid) is
  'Returns the standing of the actor to a post. Raises not_found unless the actor may see the post '
  '(rules 04.7 and 04.8).';

create function api.require_visible_comment(p_actor uuid, p_comment_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing;
begin
  select s.* into v_standing
  from comment as c
  join post as p on p.id = c.post_id
  join group_entity as g on g.id = p.group_id
  cross join lateral standing_in(
    g, p_actor, g.deleted_at is not null or p.deleted_at is not null, c.deleted_at is not null,
    p.id, c.author_id
  ) as s
  where c.id = p_comment_id;
  perform require_visible(v_standing);
  return v_standing;
end
$$;
comment on function api.require_visible_comment(uuid, uuid) is
  'Returns the standing of the actor to a comment. Raises not_found unless the actor may see the '
  'comment (rules 04.7 and 04.8).';

create function api.require_visible_subject(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(check_choice('subject_type', p_subject_type, 'post', 'comment'));
  if p_subject_type = 'post' then
    return require_visible_post(p_actor, p_subject_id);
  end if;
  return require_visible_comment(p_actor, p_subject_id);
end
$$;
comment on function api.require_visible_subject(uuid, text, uuid) is
  'Returns the standing of the actor to the post or comment of a reaction. Raises not_found, and '
  'validation_failed for another type.';

create function api.require_visible(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.group_id is null
    or not is_visible(
      p_standing.visibility, p_standing.role, p_standing.is_parent_deleted or p_standing.is_deleted
    )
  then
    perform fail('not_found');
  end if;
end
$$;
comment on function api.require_visible(api.standing) is
  'Raises not_found unless the actor may see the subject. A standing of nulls means that the '
  'subject does not exist (rules 04.7 and 04.8).';

create function api.require_content_visible(p_standing api.standing, p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if is_visible(p_standing.visibility, p_standing.role, false) then
    return;
  end if;
  perform require_actor(p_actor);
  perform fail('forbidden', 'Only members see the content of this group.');
end
$$;
comment on function api.require_content_visible(api.standing, uuid) is
  'Raises forbidden, for an anonymous caller unauthenticated, unless the actor may see the content '
  'of the group (rules 04.5 and 04.6).';

-- Rights ------------------------------------------------------------------------------------------

create function api.require_rank(p_standing api.standing, p_role text)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.rank >= rank_of(p_role) then
    return;
  end if;
  if p_standing.is_banned then
    perform fail('banned');
  end if;
  perform fail('forbidden', format('This requires the role %s.', p_role));
end
$$;
comment on function api.require_rank(api.standing, text) is
  'Raises banned or forbidden unless the actor has this role or a higher one (rules 04.1 and '
  '04.10).';

create function api.require_may_write(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform require_rank(p_standing, 'member');
  if p_standing.is_muted then
    perform fail('muted');
  end if;
end
$$;
comment on function api.require_may_write(api.standing) is
  'Raises banned, forbidden or muted unless the actor is a member who may write (rule 04.11).';

create function api.require_author(p_standing api.standing, p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.author_id is distinct from p_actor then
    perform fail('forbidden', 'Only the author may do this.');
  end if;
end
$$;
comment on function api.require_author(api.standing, uuid) is
  'Raises forbidden unless the actor is the author (rule 04.12).';

create function api.require_may_edit(p_standing api.standing, p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform require_author(p_standing, p_actor);
  perform require_may_write(p_standing);
  perform require_not_deleted(p_standing);
end
$$;
comment on function api.require_may_edit(api.standing, uuid) is
  'Raises forbidden, banned or muted unless the actor is the author and a member who may write. '
  'Raises forbidden for deleted content (rules 04.9, 04.11 and 04.12).';

create function api.require_author_or_moderator(p_standing api.standing, p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.author_id is distinct from p_actor then
    perform require_rank(p_standing, 'moderator');
  end if;
end
$$;
comment on function api.require_author_or_moderator(api.standing, uuid) is
  'Raises banned or forbidden unless the actor is the author or a moderator (rule 04.12).';

create function api.require_not_deleted(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.is_parent_deleted or p_standing.is_deleted then
    perform fail('forbidden', 'This is deleted. Restore it first.');
  end if;
end
$$;
comment on function api.require_not_deleted(api.standing) is
  'Raises forbidden if the subject, or the group or post that contains it, is deleted (rule 04.9).';

create function api.require_may_restore(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform require_rank(p_standing, 'moderator');
  if p_standing.is_parent_deleted then
    perform fail('parent_deleted');
  end if;
end
$$;
comment on function api.require_may_restore(api.standing) is
  'Raises banned or forbidden below moderator, and parent_deleted if the group or post that '
  'contains the subject is deleted (rule 04.15).';
