-- Policy: what an actor may know and do (§2). Every door asks here, and only here.
--
-- enter_… answers how the actor stands to a thing, or raises not_found where the actor may not even
-- know that it exists; require_… raises when that standing is not enough.

create type api.standing as (
  group_id uuid,
  visibility text,
  is_locked boolean,
  role text, -- null: not a member
  rank int, -- 4 owner, 3 admin, 2 moderator, 1 member, 0 none
  is_banned boolean,
  is_muted boolean,
  is_parent_deleted boolean, -- what the thing is part of is deleted
  is_deleted boolean, -- the thing itself is deleted
  post_id uuid,
  author_id uuid
);
comment on type api.standing is 'How an actor stands to a group, a post or a comment (§2).';

create function api.rank_of(p_role text)
returns int
language sql immutable
return coalesce(array_position(array['member', 'moderator', 'admin', 'owner'], p_role), 0);
comment on function api.rank_of(text) is 'The rank of a role: 4 owner to 1 member, 0 for none (§2).';

create view api.member_standing as
select
  group_id, user_id,
  case when left_at is null then role end as role,
  api.is_ban_active(is_banned, banned_until) as is_banned,
  coalesce(muted_until > now(), false) as is_muted
from public.group_member;
comment on view api.member_standing is 'The role, ban and mute that hold now (§2).';

create function api.is_visible(p_visibility text, p_role text, p_is_deleted boolean)
returns boolean
language sql immutable
return case
  when p_is_deleted then api.rank_of(p_role) >= 2 else p_visibility = 'public' or p_role is not null
end;
comment on function api.is_visible(text, text, boolean) is
  'Whether what is in a group shows to somebody with this role there: in a public group to anyone, else '
  'to members; what is deleted to moderators (§2).';

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
comment on function api.require_actor(uuid) is 'Raises unauthenticated for anonymous callers (§9).';

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
  'Raises not_found for the nil UUID: it stands for whoever has no token, and nobody has it (§9).';

create function api.require_visible_group(p_actor uuid, p_group_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v standing;
begin
  select
    g.id, g.visibility, g.is_locked, m.role, rank_of(m.role), coalesce(m.is_banned, false),
    coalesce(m.is_muted, false), false, g.deleted_at is not null
  into v
  from group_entity as g
  left join member_standing as m on m.group_id = g.id and m.user_id = p_actor
  where g.id = p_group_id;
  if v.group_id is null
    or (v.visibility = 'secret' and v.rank = 0)
    or (v.is_deleted and v.rank < 2)
  then
    perform fail('not_found');
  end if;
  return v;
end
$$;
comment on function api.require_visible_group(uuid, uuid) is
  'How the actor stands to a group. Raises not_found for a secret group to non-members and for a '
  'deleted one below moderator (§2).';

create function api.require_visible_post(p_actor uuid, p_post_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v standing;
begin
  select
    g.id, g.visibility, g.is_locked, m.role, rank_of(m.role), coalesce(m.is_banned, false),
    coalesce(m.is_muted, false), g.deleted_at is not null, p.deleted_at is not null,
    p.id, p.author_id
  into v
  from post as p
  join group_entity as g on g.id = p.group_id
  left join member_standing as m on m.group_id = g.id and m.user_id = p_actor
  where p.id = p_post_id;
  perform require_visible(v);
  return v;
end
$$;
comment on function api.require_visible_post(uuid, uuid) is
  'How the actor stands to a post. Raises not_found where the actor may not see it (§2).';

create function api.require_visible_comment(p_actor uuid, p_comment_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v standing;
begin
  select
    g.id, g.visibility, g.is_locked, m.role, rank_of(m.role), coalesce(m.is_banned, false),
    coalesce(m.is_muted, false), g.deleted_at is not null or p.deleted_at is not null,
    c.deleted_at is not null, p.id, c.author_id
  into v
  from comment as c
  join post as p on p.id = c.post_id
  join group_entity as g on g.id = p.group_id
  left join member_standing as m on m.group_id = g.id and m.user_id = p_actor
  where c.id = p_comment_id;
  perform require_visible(v);
  return v;
end
$$;
comment on function api.require_visible_comment(uuid, uuid) is
  'How the actor stands to a comment. Raises not_found where the actor may not see it (§2).';

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
  'How the actor stands to the post or comment that is reacted to. Raises not_found (§2).';

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
  'Raises not_found unless the actor may see the post or comment: in a public group anyone, else '
  'members; deleted, or inside something deleted, moderators (§2).';

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
  perform fail('forbidden', 'Only members see this.');
end
$$;
comment on function api.require_content_visible(api.standing, uuid) is
  'Raises forbidden, for anonymous callers unauthenticated, unless the actor may see the content of '
  'the group (§2).';

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
  perform fail('forbidden', format('This takes the role %s.', p_role));
end
$$;
comment on function api.require_rank(api.standing, text) is
  'Raises banned or forbidden unless the actor has at least this role (§2).';

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
  'Raises banned, forbidden or muted unless the actor is a member who may write (§2).';

create function api.require_author(p_standing api.standing, p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.author_id is distinct from p_actor then
    perform fail('forbidden', 'Only the author does this.');
  end if;
end
$$;
comment on function api.require_author(api.standing, uuid) is
  'Raises forbidden for everyone but the author (§2).';

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
  'Raises banned or forbidden unless the actor wrote it or moderates the group (§2).';

create function api.require_not_deleted(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.is_parent_deleted or p_standing.is_deleted then
    perform fail('forbidden', 'It is deleted; restore it first.');
  end if;
end
$$;
comment on function api.require_not_deleted(api.standing) is
  'Raises forbidden for what is deleted: those who still see it may only read and restore it (§2).';

create function api.require_restorable(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.is_parent_deleted then
    perform fail('parent_deleted');
  end if;
end
$$;
comment on function api.require_restorable(api.standing) is
  'Raises parent_deleted inside something deleted (§9).';

create function api.lock_group(p_group_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from group_entity where id = p_group_id for no key update;
end
$$;
comment on function api.lock_group(uuid) is
  'Makes writers of a group''s settings and members take turns; its posts go on.';

create function api.lock_post(p_post_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from post where id = p_post_id for no key update;
end
$$;
comment on function api.lock_post(uuid) is
  'Makes those who delete, restore or edit in one thread take turns with each other and its counters.';
