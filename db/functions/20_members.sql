-- Members, bans and mutes (§2). Every function that changes one locks the group first: two owners who
-- leave at once must not leave a group without any.

create function api.join_group(p_actor uuid, p_group_id uuid)
returns setof api.answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_not_deleted(v);
  if v.rank > 0 then
    perform fail('already_member');
  end if;
  if v.is_banned then
    perform fail('banned');
  end if;
  if v.visibility = 'public' then
    return query
      select 201, row_to_json(m) from start_membership(p_actor, p_group_id, p_actor, 'member') as m;
  else
    return query select 202, row_to_json(r) from ensure_join_request(p_actor, p_group_id) as r;
  end if;
end
$$;
comment on function api.join_group(uuid, uuid) is
  'Joins a public group (201, Member) or asks to join a private one (202, JoinRequest; the same one '
  'when asked again). Raises unauthenticated, not_found, banned, already_member (§2).';

create function api.start_membership(p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text)
returns setof api.members
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_member group_member;
begin
  insert into group_member (group_id, user_id, role) values (p_group_id, p_user_id, p_role)
  on conflict (group_id, user_id) do update
    set
      role = excluded.role, joined_at = now(), updated_at = now(), left_at = null,
      is_banned = false, ban_reason = null, banned_until = null, banned_by = null
    where group_member.left_at is not null
      and not is_ban_active(group_member.is_banned, group_member.banned_until)
  returning * into v_member;
  if not found then
    perform fail('banned', 'The user is banned from this group.');
  end if;
  perform decide_join_request(p_actor, p_group_id, p_user_id, 'approved');
  perform record(
    'member.joined', p_actor, p_group_id, null, 'member', v_member.id, row_to_json(d)
  ) from member_shape(v_member) as d;
  return query select * from member_shape(v_member);
end
$$;
comment on function api.start_membership(uuid, uuid, uuid, text) is
  'Makes a user who is none a member, and settles a request to join. The caller has locked the group '
  'and asked whether the user is a member. Raises banned (§2).';

create function api.leave_group(p_actor uuid, p_group_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'member');
  perform require_not_deleted(v);
  perform end_membership(p_actor, p_group_id, p_actor);
end
$$;
comment on function api.leave_group(uuid, uuid) is
  'Leaves a group. Raises unauthenticated, not_found, banned, forbidden, last_owner (§2).';

create function api.remove_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, case when p_user_id = p_actor then 'member' else 'admin' end);
  perform require_not_deleted(v);
  if rank_in_group(p_group_id, p_user_id) = 0 then
    perform fail('not_found');
  end if;
  if p_user_id <> p_actor then
    perform require_outranks(v, p_group_id, p_user_id);
  end if;
  perform end_membership(p_actor, p_group_id, p_user_id);
end
$$;
comment on function api.remove_member(uuid, uuid, uuid) is
  'Removes a member of lower rank, or oneself. Raises unauthenticated, not_found, banned, forbidden, '
  'last_owner (§2).';

create function api.end_membership(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_member;
  v_new group_member;
begin
  perform require_other_owner(p_group_id, p_user_id);
  select * into v_old from group_member where group_id = p_group_id and user_id = p_user_id for update;
  update group_member set left_at = now(), role = 'member', updated_at = now()
  where id = v_old.id
  returning * into v_new;
  perform record(
    'member.left', p_actor, p_group_id, null, 'member', v_new.id, row_to_json(n), row_to_json(o)
  ) from member_shape(v_old) as o, member_shape(v_new) as n;
end
$$;
comment on function api.end_membership(uuid, uuid, uuid) is
  'Ends a membership. The caller has locked the group. Raises last_owner (§2).';

create function api.rank_in_group(p_group_id uuid, p_user_id uuid)
returns int
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return coalesce(
    (
      select rank_of(role) from member_standing
      where group_id = p_group_id and user_id = p_user_id
    ),
    0
  );
end
$$;
comment on function api.rank_in_group(uuid, uuid) is 'The rank of a user in a group, 0 for none (§2).';

create function api.require_outranks(p_standing api.standing, p_group_id uuid, p_user_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.rank < 4 and rank_in_group(p_group_id, p_user_id) >= p_standing.rank then
    perform fail('forbidden', 'The member has your rank or a higher one.');
  end if;
end
$$;
comment on function api.require_outranks(api.standing, uuid, uuid) is
  'Raises forbidden unless the actor is an owner or ranks above the user (§2).';

create function api.may_grant(p_rank int, p_role text)
returns boolean
language sql immutable
return p_rank = 4 or (p_rank >= 3 and api.rank_of(p_role) < p_rank);
comment on function api.may_grant(int, text) is
  'Whether somebody of this rank may make others members in this role: admins below their own rank, '
  'owners in every role (§2).';

create function api.require_may_grant(p_standing api.standing, p_role text)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if not may_grant(p_standing.rank, p_role) then
    perform fail('forbidden', 'Nobody grants their own rank or a higher one.');
  end if;
end
$$;
comment on function api.require_may_grant(api.standing, text) is
  'Raises forbidden unless the actor is an owner or the role ranks below their own (§2).';

create function api.require_other_owner(p_group_id uuid, p_user_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if rank_in_group(p_group_id, p_user_id) = 4 and not exists (
    select from group_member
    where group_id = p_group_id and role = 'owner' and left_at is null and user_id <> p_user_id
  ) then
    perform fail('last_owner');
  end if;
end
$$;
comment on function api.require_other_owner(uuid, uuid) is
  'Raises last_owner when the user is the only owner of the group, which its caller has locked (§2).';

create function api.put_member(p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text)
returns setof api.answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'admin');
  perform require_not_deleted(v);
  perform reject_invalid(
    check_choice('role', p_role, 'owner', 'admin', 'moderator', 'member')
  );
  perform require_user_id(p_user_id);
  perform require_outranks(v, p_group_id, p_user_id);
  perform require_may_grant(v, p_role);
  if rank_in_group(p_group_id, p_user_id) = 0 then
    return query
      select 201, row_to_json(m) from start_membership(p_actor, p_group_id, p_user_id, p_role) as m;
  else
    return query
      select 200, row_to_json(m) from change_role(p_actor, p_group_id, p_user_id, p_role) as m;
  end if;
end
$$;
comment on function api.put_member(uuid, uuid, uuid, text) is
  'Adds a user with a role (201, Member) or changes a member''s role (200, Member); for admins, below '
  'their own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed, last_owner '
  '(§2).';

create function api.change_role(p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text)
returns setof api.members
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_member;
  v_new group_member;
begin
  select * into v_old from group_member where group_id = p_group_id and user_id = p_user_id for update;
  if v_old.role = p_role then
    return query select * from member_shape(v_old);
    return;
  end if;
  perform require_other_owner(p_group_id, p_user_id);
  update group_member set role = p_role, updated_at = now() where id = v_old.id returning * into v_new;
  perform record(
    'member.role_changed', p_actor, p_group_id, null, 'member', v_new.id,
    row_to_json(n), row_to_json(o)
  ) from member_shape(v_old) as o, member_shape(v_new) as n;
  return query select * from member_shape(v_new);
end
$$;
comment on function api.change_role(uuid, uuid, uuid, text) is
  'Gives a member another role. The caller has locked the group. Raises last_owner (§2).';

create function api.get_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_content_visible(require_visible_group(p_actor, p_group_id), p_actor);
  return query
    select d.* from group_member as m cross join lateral member_shape(m) as d
    where m.group_id = p_group_id and m.user_id = p_user_id and m.left_at is null;
  if not found then
    perform fail('not_found');
  end if;
end
$$;
comment on function api.get_member(uuid, uuid, uuid) is
  'One member. Raises not_found, unauthenticated, forbidden (§2).';

create function api.list_members(
  p_actor uuid, p_group_id uuid, p_role text default null, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.members
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the filters and the direction decide which index serves
as $$
declare
  v_page page_request;
begin
  perform require_content_visible(require_visible_group(p_actor, p_group_id), p_actor);
  v_page := parse_page(
    p_before, p_after, p_limit, p_lookahead, false,
    case
      when p_role is not null then check_choice('role', p_role, 'owner', 'admin', 'moderator', 'member')
    end
  );
  return query
    select p.* from (
      select d.* from group_member as m cross join lateral member_shape(m) as d
      where m.group_id = p_group_id and m.left_at is null and (p_role is null or m.role = p_role)
        and is_on_page(m.created_at, m.id, v_page)
      order by
        case when v_page.is_ascending then m.created_at end,
        case when v_page.is_ascending then m.id end,
        m.created_at desc, m.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.list_members(uuid, uuid, text, int, text, text, boolean) is
  'The members of a group, oldest first. p_lookahead adds the first row of the next page. Raises '
  'not_found, unauthenticated, forbidden, validation_failed, invalid_cursor (§2, §7).';

-- Bans and mutes -----------------------------------------------------------------------------------

create function api.ban_member(
  p_actor uuid, p_group_id uuid, p_user_id uuid, p_reason text default null,
  p_until timestamptz default null
)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_reason text := nullif(clean_text(p_reason), '');
  v_old group_member;
  v_new group_member;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'admin');
  perform require_not_deleted(v);
  perform require_user_id(p_user_id);
  perform require_outranks(v, p_group_id, p_user_id);
  perform reject_invalid(check_text('reason', v_reason, 0, 1000), check_future('until', p_until));
  perform require_other_owner(p_group_id, p_user_id);
  select * into v_old from group_member where group_id = p_group_id and user_id = p_user_id for update;
  insert into group_member (
    group_id, user_id, role, left_at, is_banned, ban_reason, banned_until, banned_by
  )
  values (p_group_id, p_user_id, 'member', now(), true, v_reason, p_until, p_actor)
  on conflict (group_id, user_id) do update
    set
      role = 'member', left_at = coalesce(group_member.left_at, now()), is_banned = true,
      ban_reason = excluded.ban_reason, banned_until = excluded.banned_until,
      banned_by = excluded.banned_by, updated_at = now()
  returning * into v_new;
  perform decide_join_request(p_actor, p_group_id, p_user_id, 'denied');
  perform record_member_change('member.banned', p_actor, v_old, v_new);
  return query select * from member_shape(v_new);
end
$$;
comment on function api.ban_member(uuid, uuid, uuid, text, timestamptz) is
  'Bans a user, member or not, until a time or for good, and ends the membership; for admins, below '
  'their own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed, last_owner '
  '(§2).';

create function api.unban_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_old group_member;
  v_new group_member;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'admin');
  perform require_not_deleted(v);
  v_old := lock_member(p_group_id, p_user_id);
  perform require_outranks(v, p_group_id, p_user_id);
  v_new := v_old;
  if v_old.is_banned then
    update group_member
    set is_banned = false, ban_reason = null, banned_until = null, banned_by = null, updated_at = now()
    where id = v_old.id
    returning * into v_new;
    perform record_member_change('member.unbanned', p_actor, v_old, v_new);
  end if;
  return query select * from member_shape(v_new);
end
$$;
comment on function api.unban_member(uuid, uuid, uuid) is
  'Lifts a ban, which makes nobody a member again; for admins. Raises unauthenticated, not_found (also '
  'for a user the group never met), banned, forbidden (§2).';

create function api.lock_member(p_group_id uuid, p_user_id uuid)
returns public.group_member
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_member group_member;
begin
  select * into v_member from group_member
  where group_id = p_group_id and user_id = p_user_id
  for update;
  if not found then
    perform fail('not_found');
  end if;
  return v_member;
end
$$;
comment on function api.lock_member(uuid, uuid) is
  'The locked row of a user whom the group has met. Raises not_found (§2).';

create function api.record_member_change(
  p_type text, p_actor uuid, p_old public.group_member, p_new public.group_member
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_told group_member := p_new;
begin
  -- For how long somebody is banned, and why, admins alone may read; the event goes to all.
  v_told.ban_reason := null;
  v_told.banned_until := null;
  perform emit(p_type, p_actor, p_new.group_id, null, 'member', p_new.id, row_to_json(d))
  from member_shape(v_told) as d;
  perform audit(
    p_type, p_actor, p_new.group_id, 'member', p_new.id, row_to_json(n),
    case when p_old.id is not null then row_to_json(o) end
  ) from member_shape(p_old) as o, member_shape(p_new) as n;
end
$$;
comment on function api.record_member_change(text, uuid, public.group_member, public.group_member) is
  'Records a change from one state of a member to another; p_old may be a row of nulls. The event leaves '
  'out why and for how long somebody is banned (§6).';

create function api.mute_member(p_actor uuid, p_group_id uuid, p_user_id uuid, p_until timestamptz)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_old group_member;
  v_new group_member;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'moderator');
  perform require_not_deleted(v);
  if rank_in_group(p_group_id, p_user_id) = 0 then
    perform fail('not_found');
  end if;
  perform require_outranks(v, p_group_id, p_user_id);
  perform reject_invalid(
    case when p_until is null then field_error('until', 'is required') end,
    check_future('until', p_until)
  );
  v_old := lock_member(p_group_id, p_user_id);
  update group_member set muted_until = p_until, updated_at = now()
  where id = v_old.id
  returning * into v_new;
  perform record_member_change('member.muted', p_actor, v_old, v_new);
  return query select * from member_shape(v_new);
end
$$;
comment on function api.mute_member(uuid, uuid, uuid, timestamptz) is
  'Mutes a member until a time: reads and reacts, does not post or comment; for moderators, below their '
  'own rank. Raises unauthenticated, not_found, banned, forbidden, validation_failed (§2).';

create function api.unmute_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_old group_member;
  v_new group_member;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v := require_visible_group(p_actor, p_group_id);
  perform require_rank(v, 'moderator');
  perform require_not_deleted(v);
  v_old := lock_member(p_group_id, p_user_id);
  perform require_outranks(v, p_group_id, p_user_id);
  v_new := v_old;
  if v_old.muted_until is not null then
    update group_member set muted_until = null, updated_at = now()
    where id = v_old.id
    returning * into v_new;
    perform record_member_change('member.unmuted', p_actor, v_old, v_new);
  end if;
  return query select * from member_shape(v_new);
end
$$;
comment on function api.unmute_member(uuid, uuid, uuid) is
  'Lifts a mute, of somebody who left too; for moderators. Raises unauthenticated, not_found, banned, '
  'forbidden (§2).';

create function api.list_bans(
  p_actor uuid, p_group_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.members
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the direction decides how the index is read
as $$
declare
  v_page page_request;
begin
  perform require_actor(p_actor);
  perform require_rank(require_visible_group(p_actor, p_group_id), 'admin');
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, false);
  return query
    select p.* from (
      select d.* from group_member as m cross join lateral member_shape(m) as d
      where m.group_id = p_group_id and m.is_banned and is_ban_active(m.is_banned, m.banned_until)
        and is_on_page(m.created_at, m.id, v_page)
      order by
        case when v_page.is_ascending then m.created_at end,
        case when v_page.is_ascending then m.id end,
        m.created_at desc, m.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.list_bans(uuid, uuid, int, text, text, boolean) is
  'The users whose ban holds now, oldest first; for admins. p_lookahead adds the first row of the next '
  'page. Raises unauthenticated, not_found, banned, forbidden, validation_failed, invalid_cursor (§2).';
