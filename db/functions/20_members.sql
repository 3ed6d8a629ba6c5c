-- Members, bans and mutes. Every change locks the group first, so that two owners who leave at the
-- same time cannot leave the group without an owner.

create function api.authorise_group_change(p_actor uuid, p_group_id uuid, p_role text)
returns api.standing
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing;
begin
  perform require_actor(p_actor);
  perform lock_group(p_group_id);
  v_standing := require_visible_group(p_actor, p_group_id);
  perform require_rank(v_standing, p_role);
  perform require_not_deleted(v_standing);
  return v_standing;
end
$$;
comment on function api.authorise_group_change(uuid, uuid, text) is
  'Locks a group for a change of its members, requests or invitations, and returns the standing of '
  'the actor. Raises unauthenticated and not_found. Raises banned and forbidden unless the actor '
  'has at least this role in a group that is not deleted. A null role requires none (rules 04.9, '
  '04.10, 04.13 and 07.6).';

create function api.authorise_member_change(
  p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text
)
returns api.standing
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing := authorise_group_change(p_actor, p_group_id, p_role);
begin
  perform require_user_id(p_user_id);
  if v_standing.rank < 4 and rank_in_group(p_group_id, p_user_id) >= v_standing.rank then
    perform fail('forbidden', 'The member has your rank or a higher one.');
  end if;
  return v_standing;
end
$$;
comment on function api.authorise_member_change(uuid, uuid, uuid, text) is
  'Calls authorise_group_change for a change to one user. Raises not_found for the nil UUID. '
  'Raises forbidden for a member of the same or a higher rank, unless the actor is an owner (rules '
  '04.14 and 20.8).';

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
comment on function api.rank_in_group(uuid, uuid) is
  'Returns the rank of a user in a group, 0 for a non-member (rule 04.1).';

-- Joining and leaving -----------------------------------------------------------------------------

create function api.join_group(p_actor uuid, p_group_id uuid)
returns setof api.answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing := authorise_group_change(p_actor, p_group_id, null);
begin
  if v_standing.rank > 0 then
    perform fail('already_member');
  end if;
  if v_standing.is_banned then
    perform fail('banned');
  end if;
  if v_standing.visibility = 'public' then
    return query
      select 201, row_to_json(m) from start_membership(p_actor, p_group_id, p_actor, 'member') as m;
  else
    return query select 202, row_to_json(r) from ensure_join_request(p_actor, p_group_id) as r;
  end if;
end
$$;
comment on function api.join_group(uuid, uuid) is
  'Joins a public group (201, Member), or requests to join a private one (202, JoinRequest). A '
  'repeated call returns the pending request. Raises unauthenticated, not_found, banned, '
  'already_member (rules 20.1, 20.2, 20.3, 20.4 and 20.5).';

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
  'Makes a non-member a member, and approves the pending request to join. The caller has locked '
  'the group and checked that the user is not a member. Raises banned (rules 20.5 and 20.19).';

create function api.leave_group(p_actor uuid, p_group_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform authorise_group_change(p_actor, p_group_id, 'member');
  perform end_membership(p_actor, p_group_id, p_actor);
end
$$;
comment on function api.leave_group(uuid, uuid) is
  'Ends the membership of the actor. Raises unauthenticated, not_found, banned, forbidden, '
  'last_owner (rules 20.6 and 20.7).';

create function api.remove_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  if p_user_id = p_actor then
    perform authorise_group_change(p_actor, p_group_id, 'member');
  else
    perform authorise_member_change(p_actor, p_group_id, p_user_id, 'admin');
  end if;
  if rank_in_group(p_group_id, p_user_id) = 0 then
    perform fail('not_found');
  end if;
  perform end_membership(p_actor, p_group_id, p_user_id);
end
$$;
comment on function api.remove_member(uuid, uuid, uuid) is
  'Ends the membership of the actor or, for admins, of a member of lower rank. Raises '
  'unauthenticated, not_found, banned, forbidden, last_owner (rules 20.7, 20.8 and 20.11).';

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
  v_old := lock_member(p_group_id, p_user_id);
  update group_member set left_at = now(), role = 'member', updated_at = now()
  where id = v_old.id
  returning * into v_new;
  perform record(
    'member.left', p_actor, p_group_id, null, 'member', v_new.id, row_to_json(n), row_to_json(o)
  ) from member_shape(v_old) as o, member_shape(v_new) as n;
end
$$;
comment on function api.end_membership(uuid, uuid, uuid) is
  'Ends a membership. The caller has locked the group. Raises last_owner (rules 20.7 and 20.19).';

create function api.is_last_owner(p_group_id uuid, p_user_id uuid)
returns boolean
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return rank_in_group(p_group_id, p_user_id) = 4 and not exists (
    select from group_member
    where group_id = p_group_id and role = 'owner' and left_at is null and user_id <> p_user_id
  );
end
$$;
comment on function api.is_last_owner(uuid, uuid) is
  'Returns whether the user is the only owner of the group (rule 20.7).';

create function api.require_other_owner(p_group_id uuid, p_user_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if is_last_owner(p_group_id, p_user_id) then
    perform fail('last_owner');
  end if;
end
$$;
comment on function api.require_other_owner(uuid, uuid) is
  'Raises last_owner if the user is the only owner of the group. The caller has locked the group '
  '(rule 20.7).';

-- Roles -------------------------------------------------------------------------------------------

create function api.check_role(p_role text)
returns json
language sql stable
return api.check_choice('role', p_role, 'owner', 'admin', 'moderator', 'member');
comment on function api.check_role(text) is
  'Returns a field error unless the value is a role (rules 02.11 and 04.1).';

create function api.may_grant(p_rank int, p_role text)
returns boolean
language sql immutable
return p_rank = 4 or (p_rank >= 3 and api.rank_of(p_role) < p_rank);
comment on function api.may_grant(int, text) is
  'Returns whether an actor of this rank may grant this role: owners every role, admins the roles '
  'below their own (rule 20.9).';

create function api.require_may_grant(p_standing api.standing, p_role text)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if not may_grant(p_standing.rank, p_role) then
    perform fail('forbidden', 'You cannot grant your own rank or a higher one.');
  end if;
end
$$;
comment on function api.require_may_grant(api.standing, text) is
  'Raises forbidden unless the actor may grant this role (rule 20.9).';

create function api.put_member(p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text)
returns setof api.answers
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing := authorise_member_change(p_actor, p_group_id, p_user_id, 'admin');
begin
  perform reject_invalid(check_role(p_role));
  perform require_may_grant(v_standing, p_role);
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
  'Adds a user with a role (201, Member) or changes the role of a member (200, Member). Requires '
  'an admin of a higher rank than the member and the role, or an owner. Raises unauthenticated, '
  'not_found, banned, forbidden, validation_failed, last_owner (rules 20.7, 20.8, 20.9, 20.10 and '
  '20.22).';

create function api.change_role(p_actor uuid, p_group_id uuid, p_user_id uuid, p_role text)
returns setof api.members
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_member := lock_member(p_group_id, p_user_id);
  v_new group_member;
begin
  if v_old.role = p_role then
    return query select * from member_shape(v_old);
    return;
  end if;
  perform require_other_owner(p_group_id, p_user_id);
  update group_member set role = p_role, updated_at = now()
  where id = v_old.id
  returning * into v_new;
  perform record(
    'member.role_changed', p_actor, p_group_id, null, 'member', v_new.id,
    row_to_json(n), row_to_json(o)
  ) from member_shape(v_old) as o, member_shape(v_new) as n;
  return query select * from member_shape(v_new);
end
$$;
comment on function api.change_role(uuid, uuid, uuid, text) is
  'Changes the role of a member. The caller has locked the group. Raises last_owner (rules 20.7 '
  'and 20.22).';

-- Reading -----------------------------------------------------------------------------------------

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
  'Returns a member. Raises not_found, unauthenticated, forbidden (rules 04.5 and 20.15).';

create function api.list_members(
  p_actor uuid, p_group_id uuid, p_role text default null, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.members
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the role and the direction decide which index serves
as $$
declare
  v_page page_request;
begin
  perform require_content_visible(require_visible_group(p_actor, p_group_id), p_actor);
  v_page := parse_page(
    p_before, p_after, p_limit, p_lookahead, false,
    case when p_role is not null then check_role(p_role) end
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
  'Returns a page of the members of a group, oldest first. Filters by role. p_lookahead adds the '
  'first row of the next page. Raises not_found, unauthenticated, forbidden, validation_failed, '
  'invalid_cursor (rule 20.15).';

-- Bans and mutes ----------------------------------------------------------------------------------

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
  v_reason text := nullif(clean_text(p_reason), '');
  v_old group_member;
  v_new group_member;
begin
  perform authorise_member_change(p_actor, p_group_id, p_user_id, 'admin');
  perform reject_invalid(check_text('reason', v_reason, 0, 1000), check_future('until', p_until));
  perform require_other_owner(p_group_id, p_user_id);
  v_old := lock_member(p_group_id, p_user_id);
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
  'Bans a user until a time, or permanently when p_until is null, and ends the membership. The '
  'user need not be a member. Requires an admin of a higher rank. Raises unauthenticated, '
  'not_found, banned, forbidden, validation_failed, last_owner (rules 20.7, 20.8, 20.12, 20.13, '
  '20.18 and 20.20).';

create function api.unban_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old group_member;
  v_new group_member;
begin
  perform authorise_member_change(p_actor, p_group_id, p_user_id, 'admin');
  v_old := require_member_record(lock_member(p_group_id, p_user_id));
  v_new := v_old;
  if v_old.is_banned then
    update group_member
    set
      is_banned = false, ban_reason = null, banned_until = null, banned_by = null,
      updated_at = now()
    where id = v_old.id
    returning * into v_new;
    perform record_member_change('member.unbanned', p_actor, v_old, v_new);
  end if;
  return query select * from member_shape(v_new);
end
$$;
comment on function api.unban_member(uuid, uuid, uuid) is
  'Lifts a ban without restoring the membership. Requires an admin. Raises unauthenticated, '
  'not_found (also for a user without a record in the group), banned, forbidden (rules 20.13, '
  '20.21 and 20.22).';

create function api.mute_member(p_actor uuid, p_group_id uuid, p_user_id uuid, p_until timestamptz)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old group_member;
  v_new group_member;
begin
  perform authorise_member_change(p_actor, p_group_id, p_user_id, 'moderator');
  if rank_in_group(p_group_id, p_user_id) = 0 then
    perform fail('not_found');
  end if;
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
  'Mutes a member until a time. A muted member may read and react, but not post or comment. '
  'Requires a moderator of a higher rank. Raises unauthenticated, not_found, banned, forbidden, '
  'validation_failed (rules 04.11, 20.8 and 20.14).';

create function api.unmute_member(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old group_member;
  v_new group_member;
begin
  perform authorise_member_change(p_actor, p_group_id, p_user_id, 'moderator');
  v_old := require_member_record(lock_member(p_group_id, p_user_id));
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
  'Lifts a mute, also of a former member. Requires a moderator. Raises unauthenticated, not_found, '
  'banned, forbidden (rules 20.14, 20.21 and 20.22).';

create function api.require_member_record(p_member public.group_member)
returns public.group_member
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_member.id is null then
    perform fail('not_found');
  end if;
  return p_member;
end
$$;
comment on function api.require_member_record(public.group_member) is
  'Returns the record of a user in a group. Raises not_found for a row of nulls (rule 20.21).';

create function api.record_member_change(
  p_type text, p_actor uuid, p_old public.group_member, p_new public.group_member
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform emit(p_type, p_actor, p_new.group_id, null, 'member', p_new.id, member_data(p_new));
  perform audit(
    p_type, p_actor, p_new.group_id, 'member', p_new.id, row_to_json(n),
    case when p_old.id is not null then row_to_json(o) end
  ) from member_shape(p_old) as o, member_shape(p_new) as n;
end
$$;
comment on function api.record_member_change(
  text, uuid, public.group_member, public.group_member
) is
  'Writes the event and the audit entry of a ban or mute, or of its end. p_old is a row of nulls '
  'for a user without a record (rules 05.2 and 20.17).';

create function api.member_data(p_row public.group_member)
returns json
language sql stable
begin atomic
  select to_json(to_jsonb(d) || '{"ban_reason": null, "banned_until": null}')
  from api.member_shape(p_row) as d;
end;
comment on function api.member_data(public.group_member) is
  'Returns the data of an event about a member, without the reason and the end of a ban, which '
  'only admins may read (rule 20.17).';

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
  'Returns a page of the users with an active ban, oldest first. Requires an admin. p_lookahead '
  'adds the first row of the next page. Raises unauthenticated, not_found, banned, forbidden, '
  'validation_failed, invalid_cursor (rules 04.3 and 20.16).';
