-- Requests to join private groups, and invitations.

-- Requests to join --------------------------------------------------------------------------------

create function api.ensure_join_request(p_actor uuid, p_group_id uuid)
returns setof api.join_requests
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_request join_requests;
begin
  insert into join_request (group_id, user_id) values (p_group_id, p_actor)
  on conflict (group_id, user_id) where status = 'pending' do nothing
  returning id, group_id, user_id, status, created_at into v_request;
  if found then
    perform record(
      'join_request.created', p_actor, p_group_id, null, 'join_request', v_request.id,
      row_to_json(v_request)
    );
  end if;
  return query
    select * from join_requests
    where group_id = p_group_id and user_id = p_actor and status = 'pending';
end
$$;
comment on function api.ensure_join_request(uuid, uuid) is
  'Returns the pending request of the actor, and creates it if it does not exist. The caller has '
  'locked the group (rules 20.2 and 21.10).';

create function api.decide_join_request(
  p_actor uuid, p_group_id uuid, p_user_id uuid, p_status text
)
returns boolean
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_request join_requests;
begin
  update join_request set status = p_status, decided_by = p_actor, decided_at = now()
  where group_id = p_group_id and user_id = p_user_id and status = 'pending'
  returning id, group_id, user_id, status, created_at into v_request;
  if not found then
    return false;
  end if;
  perform record(
    'join_request.' || p_status, p_actor, p_group_id, null, 'join_request', v_request.id,
    row_to_json(v_request)
  );
  return true;
end
$$;
comment on function api.decide_join_request(uuid, uuid, uuid, text) is
  'Approves or denies the pending request of a user. Returns false if it does not exist (rules '
  '20.12, 21.1 and 21.8).';

create function api.approve_join_request(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform authorise_group_change(p_actor, p_group_id, 'admin');
  if not decide_join_request(p_actor, p_group_id, p_user_id, 'approved') then
    perform fail('not_found');
  end if;
  return query select * from start_membership(p_actor, p_group_id, p_user_id, 'member');
end
$$;
comment on function api.approve_join_request(uuid, uuid, uuid) is
  'Approves the pending request of a user, who becomes a member. Requires an admin. Raises '
  'unauthenticated, not_found, banned, forbidden (rules 21.1, 21.2 and 21.10).';

create function api.deny_join_request(p_actor uuid, p_group_id uuid, p_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform authorise_group_change(p_actor, p_group_id, 'admin');
  if not decide_join_request(p_actor, p_group_id, p_user_id, 'denied') then
    perform fail('not_found');
  end if;
end
$$;
comment on function api.deny_join_request(uuid, uuid, uuid) is
  'Denies the pending request of a user. Requires an admin. Raises unauthenticated, not_found, '
  'banned, forbidden (rules 21.1, 21.2 and 21.10).';

create function api.list_join_requests(
  p_actor uuid, p_group_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.join_requests
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
      select r.* from join_requests as r
      where r.group_id = p_group_id and r.status = 'pending'
        and is_on_page(r.created_at, r.id, v_page)
      order by
        case when v_page.is_ascending then r.created_at end,
        case when v_page.is_ascending then r.id end,
        r.created_at desc, r.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.list_join_requests(uuid, uuid, int, text, text, boolean) is
  'Returns a page of the pending requests to join, oldest first. Requires an admin. p_lookahead '
  'adds the first row of the next page. Raises unauthenticated, not_found, banned, forbidden, '
  'validation_failed, invalid_cursor (rule 21.1).';

-- Invitations -------------------------------------------------------------------------------------

create function api.create_invite(
  p_actor uuid, p_group_id uuid, p_user_id uuid default null, p_role text default 'member',
  p_max_uses int default null, p_expires_at timestamptz default null
)
returns setof api.invites
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing := authorise_group_change(p_actor, p_group_id, 'admin');
  v_role text := coalesce(p_role, 'member');
  v_invite invites;
begin
  perform reject_invalid(
    case when p_user_id = viewer(null) then field_error('user_id', 'is not a user') end,
    check_role(v_role),
    case when p_max_uses < 1 then field_error('max_uses', 'is less than 1') end,
    check_future('expires_at', p_expires_at)
  );
  perform require_may_grant(v_standing, v_role);
  insert into group_invite (group_id, code, user_id, role, max_uses, expires_at, created_by)
  values (p_group_id, random_code(24), p_user_id, v_role, p_max_uses, p_expires_at, p_actor)
  returning id, group_id, code, user_id, role, max_uses, uses, expires_at, created_by, created_at
  into v_invite;
  perform record_invite_change('invite.created', p_actor, v_invite);
  return next v_invite;
end
$$;
comment on function api.create_invite(uuid, uuid, uuid, text, int, timestamptz) is
  'Creates an invitation with a role, for one user or for anyone who has its code. Requires an '
  'admin of a higher rank than the role, or an owner. Raises unauthenticated, not_found, banned, '
  'forbidden, validation_failed (rules 02.16, 04.16, 21.3, 21.4 and 21.5).';

create function api.record_invite_change(p_type text, p_actor uuid, p_invite api.invites)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform record(
    p_type, p_actor, p_invite.group_id, null, 'invite', p_invite.id,
    (to_jsonb(p_invite) - 'code')::json
  );
end
$$;
comment on function api.record_invite_change(text, uuid, api.invites) is
  'Writes the event and the audit entry of a change to an invitation, without its code (rule '
  '21.11).';

create function api.list_invites(
  p_actor uuid, p_group_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.invites
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the direction decides how the index is read
as $$
declare
  v_standing standing;
  v_page page_request;
begin
  perform require_actor(p_actor);
  v_standing := require_visible_group(p_actor, p_group_id);
  perform require_rank(v_standing, 'admin');
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, false);
  return query
    select p.* from (
      select i.* from invites as i
      where i.group_id = p_group_id and may_grant(v_standing.rank, i.role)
        and is_on_page(i.created_at, i.id, v_page)
      order by
        case when v_page.is_ascending then i.created_at end,
        case when v_page.is_ascending then i.id end,
        i.created_at desc, i.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.list_invites(uuid, uuid, int, text, text, boolean) is
  'Returns a page of the invitations of a group whose role the actor may grant, oldest first. '
  'Requires an admin. p_lookahead adds the first row of the next page. Raises unauthenticated, '
  'not_found, banned, forbidden, validation_failed, invalid_cursor (rule 21.9).';

create function api.revoke_invite(p_actor uuid, p_group_id uuid, p_invite_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing := authorise_group_change(p_actor, p_group_id, 'admin');
  v_invite invites;
begin
  delete from group_invite
  where group_id = p_group_id and id = p_invite_id and may_grant(v_standing.rank, role)
  returning id, group_id, code, user_id, role, max_uses, uses, expires_at, created_by, created_at
  into v_invite;
  if not found then
    perform fail('not_found');
  end if;
  perform record_invite_change('invite.revoked', p_actor, v_invite);
end
$$;
comment on function api.revoke_invite(uuid, uuid, uuid) is
  'Deletes an invitation whose role the actor may grant. Requires an admin. Raises '
  'unauthenticated, not_found, banned, forbidden (rules 21.6 and 21.9).';

create function api.accept_invite(p_actor uuid, p_code text)
returns setof api.members
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_group_id uuid := (select group_id from group_invite where code = p_code);
  v_invite group_invite;
begin
  perform require_actor(p_actor);
  perform lock_group(v_group_id);
  select i.* into v_invite
  from group_invite as i join group_entity as g on g.id = i.group_id
  where i.code = p_code and coalesce(i.user_id, p_actor) = p_actor
    and coalesce(i.expires_at > now(), true) and g.deleted_at is null
    and may_grant(rank_in_group(i.group_id, i.created_by), i.role);
  if not found then
    perform fail('not_found');
  end if;
  if rank_in_group(v_invite.group_id, p_actor) > 0 then
    perform fail('already_member');
  end if;
  update group_invite set uses = uses + 1
  where id = v_invite.id and coalesce(uses < max_uses, true);
  if not found then
    perform fail('not_found');
  end if;
  return query
    select * from start_membership(p_actor, v_invite.group_id, p_actor, v_invite.role);
end
$$;
comment on function api.accept_invite(uuid, text) is
  'Makes the actor a member with the role of the invitation. Raises unauthenticated, '
  'already_member and banned. Raises not_found if the code is unknown, expired, used up or '
  'reserved for another user, and if its creator may no longer grant the role (rules 21.5, 21.6, '
  '21.7, 21.8, 21.12 and 21.13).';
