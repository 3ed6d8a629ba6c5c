-- Groups.

create function api.check_visibility(p_visibility text)
returns json
language sql stable
return api.check_choice('visibility', p_visibility, 'public', 'private', 'secret');
comment on function api.check_visibility(text) is
  'Returns a field error unless the value is a visibility of groups.';

create function api.check_group(p_group public.group_entity)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(
    check_name('name', p_group.name, 3, 80),
    check_slug('slug', p_group.slug),
    check_text('description', p_group.description, 0, 2000),
    check_visibility(p_group.visibility),
    check_tags('tags', p_group.tags)
  );
end
$$;
comment on function api.check_group(public.group_entity) is
  'Raises validation_failed with the fields of a group that break a limit (rules 02.7, 02.10 and '
  '10.2).';

create function api.create_group(
  p_actor uuid, p_name text, p_visibility text, p_slug text default null,
  p_description text default '', p_campus_id uuid default null, p_tags text[] default '{}',
  p_avatar_key text default null, p_cover_key text default null
)
returns setof api.groups
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_group group_entity;
begin
  perform require_actor(p_actor);
  v_group.name := clean_name(p_name);
  v_group.slug := p_slug;
  v_group.description := coalesce(clean_text(p_description), '');
  v_group.visibility := p_visibility;
  v_group.campus_id := p_campus_id;
  v_group.tags := fold_tags(p_tags);
  v_group.created_by := p_actor;
  perform check_group(v_group);
  v_group := insert_group(v_group);
  insert into group_member (group_id, user_id, role) values (v_group.id, p_actor, 'owner');
  v_group.avatar_key := replace_group_image(p_actor, v_group.id, 'avatar', p_avatar_key);
  v_group.cover_key := replace_group_image(p_actor, v_group.id, 'cover', p_cover_key);
  v_group := save_group(v_group);
  perform record_group_change('group.created', p_actor, null, v_group);
  return query select * from group_shape(v_group, p_actor);
end
$$;
comment on function api.create_group(uuid, text, text, text, text, uuid, text[], text, text) is
  'Creates a group and makes the actor its owner. Derives the slug from the name unless it is '
  'given. Appends random characters to the slug of a secret group. Raises unauthenticated, '
  'validation_failed, slug_taken, attachment_mismatch (rules 10.1, 10.2, 10.3, 10.4 and 10.12).';

create function api.insert_group(p_group public.group_entity)
returns public.group_entity
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_base text := coalesce(p_group.slug, slug_of(p_group.name));
  v_slug text := v_base;
  v_group group_entity;
begin
  loop
    if p_group.visibility = 'secret' then
      v_slug := with_random_ending(v_base);
    end if;
    insert into group_entity (campus_id, name, slug, description, visibility, tags, created_by)
    values (
      p_group.campus_id, p_group.name, v_slug, p_group.description, p_group.visibility,
      p_group.tags, p_group.created_by
    )
    on conflict (slug) where deleted_at is null do nothing
    returning * into v_group;
    exit when found;
    if p_group.slug is not null and p_group.visibility <> 'secret' then
      perform fail('slug_taken');
    end if;
    v_slug := with_random_ending(v_base);
  end loop;
  return v_group;
end
$$;
comment on function api.insert_group(public.group_entity) is
  'Inserts a group. Raises slug_taken if the caller chose a slug that exists; appends random '
  'characters to a derived slug that exists (rules 10.3 and 10.4).';

create function api.get_group(p_actor uuid, p_group_id uuid)
returns setof api.groups
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_visible_group(p_actor, p_group_id);
  return query
    select d.* from group_entity as g cross join lateral group_shape(g, p_actor) as d
    where g.id = p_group_id;
end
$$;
comment on function api.get_group(uuid, uuid) is
  'Returns the card of a group; a secret group is visible only to its members. Raises not_found '
  '(rules 04.4 and 04.5).';

create function api.get_group_by_slug(p_actor uuid, p_slug text)
returns setof api.groups
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    select * from get_group(
      p_actor, (select id from group_entity where slug = p_slug and deleted_at is null)
    );
end
$$;
comment on function api.get_group_by_slug(uuid, text) is
  'Returns the card of the group with this slug, deleted groups excepted. Raises not_found (rule '
  '10.13).';

create function api.list_groups(
  p_actor uuid, p_campus_id uuid default null, p_tag text default null,
  p_visibility text default null, p_mine boolean default false, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.groups
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_page page_request;
begin
  if p_mine then
    perform require_actor(p_actor);
  end if;
  v_page := parse_page(
    p_before, p_after, p_limit, p_lookahead, true,
    case when p_visibility is not null then check_visibility(p_visibility) end
  );
  return query
    select * from filter_groups(
      p_actor, p_campus_id, fold_tag(p_tag), p_visibility, coalesce(p_mine, false), v_page
    );
end
$$;
comment on function api.list_groups(uuid, uuid, text, text, boolean, int, text, text, boolean) is
  'Returns a page of the groups that are not deleted, newest first. A secret group is visible only '
  'to its members. Filters by campus, tag, visibility and the actor''s own groups. p_lookahead '
  'adds the first row of the next page. Raises unauthenticated (for p_mine), validation_failed, '
  'invalid_cursor (rules 10.5, 10.6 and 10.7).';

create function api.filter_groups(
  p_actor uuid, p_campus_id uuid, p_tag text, p_visibility text, p_mine boolean,
  p_page api.page_request
)
returns setof api.groups
language plpgsql stable
set search_path = public, api, pg_temp
set plan_cache_mode = force_custom_plan -- the filters and the direction decide which index serves
as $$
declare
  v_mine uuid[] := array(
    select group_id from group_member where user_id = p_actor and left_at is null
  );
  v_only_mine boolean := p_mine or p_visibility is not distinct from 'secret';
begin
  return query
    select p.* from (
      select d.* from group_entity as g cross join lateral group_shape(g, p_actor) as d
      where g.deleted_at is null
        and (g.visibility <> 'secret' or g.id = any (v_mine))
        and (not v_only_mine or g.id = any (v_mine))
        and (p_campus_id is null or g.campus_id = p_campus_id)
        and (p_tag is null or g.tags @> array[p_tag])
        and (p_visibility is null or g.visibility = p_visibility)
        and is_on_page(g.created_at, g.id, p_page)
      order by
        case when p_page.is_ascending then g.created_at end,
        case when p_page.is_ascending then g.id end,
        g.created_at desc, g.id desc
      limit p_page.max_rows
    ) as p
    order by p.created_at desc, p.id desc;
end
$$;
comment on function api.filter_groups(uuid, uuid, text, text, boolean, api.page_request) is
  'Returns the page of list_groups that its filters select. A null filter selects all groups.';

create function api.update_group(p_actor uuid, p_group_id uuid, p_patch jsonb)
returns setof api.groups
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old group_entity;
  v_new group_entity;
  v_standing standing;
begin
  perform require_actor(p_actor);
  v_old := lock_group_exclusively(p_group_id);
  v_standing := require_visible_group(p_actor, p_group_id);
  perform require_rank(v_standing, 'admin');
  perform require_not_deleted(v_standing);
  v_new := apply_group_patch(v_old, p_patch);
  if v_new.avatar_key is distinct from v_old.avatar_key then
    v_new.avatar_key := replace_group_image(p_actor, p_group_id, 'avatar', v_new.avatar_key);
  end if;
  if v_new.cover_key is distinct from v_old.cover_key then
    v_new.cover_key := replace_group_image(p_actor, p_group_id, 'cover', v_new.cover_key);
  end if;
  if v_new is distinct from v_old then
    v_new := save_group(v_new);
    perform record_group_change('group.updated', p_actor, v_old, v_new);
  end if;
  return query select * from group_shape(v_new, p_actor);
end
$$;
comment on function api.update_group(uuid, uuid, jsonb) is
  'Applies a merge patch to a group: name, slug, description, visibility, campus_id, tags, '
  'is_locked, avatar_key, cover_key. Requires an admin. Raises unauthenticated, not_found, banned, '
  'forbidden, validation_failed, slug_taken, attachment_mismatch (rules 04.16, 10.8, 10.9 and '
  '10.12).';

create function api.apply_group_patch(p_group public.group_entity, p_patch jsonb)
returns public.group_entity
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_new group_entity := p_group;
begin
  perform reject_invalid(variadic check_patch(
    p_patch,
    '{"name": "string", "slug": "string", "description": "string?", "visibility": "string",
      "campus_id": "uuid?", "tags": "strings", "is_locked": "boolean",
      "avatar_key": "string?", "cover_key": "string?"}'
  ));
  if p_patch ? 'tags' then
    p_patch := p_patch || jsonb_build_object('tags', fold_tags(to_text_array(p_patch -> 'tags')));
  end if;
  v_new := jsonb_populate_record(p_group, p_patch);
  v_new.name := clean_name(v_new.name);
  v_new.description := coalesce(clean_text(v_new.description), '');
  perform check_group(v_new);
  if v_new.visibility = 'secret'
    and (v_new.visibility, v_new.slug) <> (p_group.visibility, p_group.slug)
  then
    v_new.slug := with_random_ending(v_new.slug);
  end if;
  return v_new;
end
$$;
comment on function api.apply_group_patch(public.group_entity, jsonb) is
  'Returns the group with a merge patch applied and checked. Appends random characters to the slug '
  'of a group that becomes secret, and to the new slug of a secret group. Raises validation_failed '
  '(rules 02.12 and 10.4).';

create function api.save_group(p_group public.group_entity)
returns public.group_entity
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_saved group_entity;
  v_constraint text;
begin
  update group_entity
  set
    name = p_group.name, slug = p_group.slug, description = p_group.description,
    visibility = p_group.visibility, campus_id = p_group.campus_id, tags = p_group.tags,
    is_locked = p_group.is_locked, avatar_key = p_group.avatar_key, cover_key = p_group.cover_key,
    deleted_at = p_group.deleted_at, updated_at = now()
  where id = p_group.id
  returning * into v_saved;
  return v_saved;
exception when unique_violation then
  get stacked diagnostics v_constraint = constraint_name;
  perform fail_constraint(v_constraint);
end
$$;
comment on function api.save_group(public.group_entity) is
  'Updates the settings and the deletion time of a group. Raises slug_taken (rule 10.3).';

create function api.record_group_change(
  p_type text, p_actor uuid, p_old public.group_entity, p_new public.group_entity
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform record(
    p_type, p_actor, p_new.id, null, 'group', p_new.id, event_data(row_to_json(n)),
    case when p_old.id is not null then row_to_json(o) end
  ) from group_shape(p_old, null) as o, group_shape(p_new, null) as n;
end
$$;
comment on function api.record_group_change(text, uuid, public.group_entity, public.group_entity) is
  'Writes the event and the audit entry of a change to a group. p_old is a row of nulls for a new '
  'group (rules 05.1 and 05.2).';

create function api.delete_group(p_actor uuid, p_group_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform set_group_deleted_at(p_actor, p_group_id, now());
end
$$;
comment on function api.delete_group(uuid, uuid) is
  'Soft-deletes a group, which hides everything in it. A repeated call changes nothing. Requires '
  'an owner. Raises unauthenticated, not_found, banned, forbidden (rules 10.10 and 10.11).';

create function api.restore_group(p_actor uuid, p_group_id uuid)
returns setof api.groups
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_group group_entity := set_group_deleted_at(p_actor, p_group_id, null);
begin
  return query select * from group_shape(v_group, p_actor);
end
$$;
comment on function api.restore_group(uuid, uuid) is
  'Restores a deleted group. A repeated call changes nothing. Requires an owner. Raises '
  'unauthenticated, not_found, banned, forbidden, slug_taken (rules 10.3, 10.10 and 10.11).';

create function api.set_group_deleted_at(p_actor uuid, p_group_id uuid, p_deleted_at timestamptz)
returns public.group_entity
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_entity;
  v_new group_entity;
begin
  perform require_actor(p_actor);
  v_old := lock_group_exclusively(p_group_id);
  perform require_rank(require_visible_group(p_actor, p_group_id), 'owner');
  if (v_old.deleted_at is null) = (p_deleted_at is null) then
    return v_old;
  end if;
  v_new := v_old;
  v_new.deleted_at := p_deleted_at;
  v_new := save_group(v_new);
  perform record_group_change(
    case when p_deleted_at is null then 'group.restored' else 'group.deleted' end,
    p_actor, v_old, v_new
  );
  return v_new;
end
$$;
comment on function api.set_group_deleted_at(uuid, uuid, timestamptz) is
  'Deletes a group, or restores it when p_deleted_at is null, and returns its row. Does not change '
  'a group that is already in that state. Raises unauthenticated, not_found, banned, forbidden, '
  'slug_taken (rule 10.10).';
