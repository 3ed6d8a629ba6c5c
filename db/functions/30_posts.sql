-- Posts.

create function api.check_post(p_title text, p_body text, p_topic_tags text[])
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(
    check_name('title', p_title, 0, 140),
    check_text('body', p_body, 1, 40000),
    check_tags('topic_tags', p_topic_tags)
  );
end
$$;
comment on function api.check_post(text, text, text[]) is
  'Raises validation_failed with the fields of a post that break a limit (rules 02.7 and 30.3).';

create function api.create_post(
  p_actor uuid, p_group_id uuid, p_body text, p_title text default null,
  p_topic_tags text[] default '{}'
)
returns setof api.posts
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_title text := nullif(clean_name(p_title), '');
  v_body text := clean_text(p_body);
  v_tags text[] := fold_tags(p_topic_tags);
begin
  perform require_actor(p_actor);
  v_standing := require_visible_group(p_actor, p_group_id);
  perform require_may_write(v_standing);
  perform require_not_deleted(v_standing);
  perform require_unlocked(v_standing);
  perform check_post(v_title, v_body, v_tags);
  -- One statement, so that the trigger that counts topic tags locks their counters last.
  return query
    with written as (
      insert into post (group_id, author_id, title, body, topic_tags)
      values (p_group_id, p_actor, v_title, v_body, v_tags)
      returning *
    )
    select d.* from written as w
    cross join lateral post_shape(w, null) as d
    cross join lateral emit(
      'post.created', p_actor, w.group_id, w.id, 'post', w.id, row_to_json(d)
    ) as e;
end
$$;
comment on function api.create_post(uuid, uuid, text, text, text[]) is
  'Creates a post. Requires a member who is not muted, and in a locked group a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden, muted, group_locked, validation_failed (rules '
  '04.16, 05.8, 30.1, 30.2 and 30.3).';

create function api.require_unlocked(p_standing api.standing)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_standing.is_locked and p_standing.rank < 2 then
    perform fail('group_locked');
  end if;
end
$$;
comment on function api.require_unlocked(api.standing) is
  'Raises group_locked in a locked group unless the actor is a moderator (rule 30.2).';

create function api.get_post(p_actor uuid, p_post_id uuid)
returns setof api.posts
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_visible_post(p_actor, p_post_id);
  return query
    select d.* from post as p cross join lateral post_shape(p, viewer(p_actor)) as d
    where p.id = p_post_id;
end
$$;
comment on function api.get_post(uuid, uuid) is
  'Returns a post. Raises not_found (rules 04.7, 04.8 and 04.9).';

create function api.list_posts(
  p_actor uuid, p_group_id uuid, p_tag text default null, p_author_id uuid default null,
  p_pinned boolean default null, p_deleted boolean default false, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.posts
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan -- a custom plan takes longer than the page
as $$
declare
  v_standing standing := require_visible_group(p_actor, p_group_id);
  v_viewer uuid := viewer(p_actor);
  v_page page_request;
begin
  perform require_content_visible(v_standing, p_actor);
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, true);
  if p_deleted or num_nonnulls(p_tag, p_author_id, p_pinned) > 0 then
    return query
      select * from filter_posts(
        p_actor, v_standing, fold_tag(p_tag), p_author_id, p_pinned, p_deleted, v_page
      );
  elsif v_page.is_ascending then
    return query
      select q.* from (
        select d.* from post as p cross join lateral post_shape(p, v_viewer) as d
        where p.group_id = p_group_id and p.deleted_at is null
          and (p.created_at, p.id) > (v_page.created_at, v_page.id)
        order by p.created_at, p.id limit v_page.max_rows
      ) as q
      order by q.created_at desc, q.id desc;
  else
    return query
      select d.* from post as p cross join lateral post_shape(p, v_viewer) as d
      where p.group_id = p_group_id and p.deleted_at is null
        and (p.created_at, p.id) < (v_page.created_at, v_page.id)
      order by p.created_at desc, p.id desc limit v_page.max_rows;
  end if;
end
$$;
comment on function api.list_posts(
  uuid, uuid, text, uuid, boolean, boolean, int, text, text, boolean
) is
  'Returns a page of the posts of a group, newest first. Filters by tag, author and pinned state. '
  'p_deleted selects the deleted posts instead, for moderators. p_lookahead adds the first row of '
  'the next page. Raises not_found, unauthenticated, banned, forbidden, validation_failed, '
  'invalid_cursor (rules 30.4 and 30.5).';

create function api.filter_posts(
  p_actor uuid, p_standing api.standing, p_tag text, p_author_id uuid, p_pinned boolean,
  p_deleted boolean, p_page api.page_request
)
returns setof api.posts
language plpgsql stable
set search_path = public, api, pg_temp
set plan_cache_mode = force_custom_plan -- the filters and the direction decide which index serves
as $$
declare
  v_group_id uuid := p_standing.group_id;
  v_viewer uuid := viewer(p_actor);
begin
  if p_deleted then
    perform require_actor(p_actor);
    perform require_rank(p_standing, 'moderator');
  end if;
  return query
    select q.* from (
      select d.* from post as p cross join lateral post_shape(p, v_viewer) as d
      where p.group_id = v_group_id
        and case when p_deleted then p.deleted_at is not null else p.deleted_at is null end
        and (p_tag is null or (p.topic_tags @> array[p_tag] and p.topic_tags <> '{}'))
        and (p_author_id is null or p.author_id = p_author_id)
        and (p_pinned is null or p.is_pinned = p_pinned)
        and is_on_page(p.created_at, p.id, p_page)
      order by
        case when p_page.is_ascending then p.created_at end,
        case when p_page.is_ascending then p.id end,
        p.created_at desc, p.id desc
      limit p_page.max_rows
    ) as q
    order by q.created_at desc, q.id desc;
end
$$;
comment on function api.filter_posts(
  uuid, api.standing, text, uuid, boolean, boolean, api.page_request
) is
  'Returns the page of list_posts that its filters select. A null filter selects all posts. Raises '
  'unauthenticated, banned and forbidden for deleted posts below moderator (rule 30.5).';

create function api.update_post(p_actor uuid, p_post_id uuid, p_patch jsonb)
returns setof api.posts
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old post;
  v_new post;
begin
  perform require_actor(p_actor);
  v_old := lock_post(p_post_id);
  perform require_may_edit(require_visible_post(p_actor, p_post_id), p_actor);
  v_new := apply_post_patch(v_old, p_patch);
  if v_new is distinct from v_old then
    update post
    set
      title = v_new.title, body = v_new.body, topic_tags = v_new.topic_tags,
      updated_at = now(), edited_at = now()
    where id = p_post_id
    returning * into v_new;
    perform record_post_change('post.updated', p_actor, v_old, v_new);
  end if;
  return query select * from post_shape(v_new, p_actor);
end
$$;
comment on function api.update_post(uuid, uuid, jsonb) is
  'Applies a merge patch to a post: title, body, topic_tags. Requires the author, who is a member '
  'and not muted. Raises unauthenticated, not_found, forbidden, banned, muted, validation_failed '
  '(rules 30.3, 30.6 and 30.10).';

create function api.apply_post_patch(p_post public.post, p_patch jsonb)
returns public.post
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_new post;
begin
  perform reject_invalid(variadic check_patch(
    p_patch, '{"title": "string?", "body": "string", "topic_tags": "strings"}'
  ));
  if p_patch ? 'topic_tags' then
    p_patch := p_patch
      || jsonb_build_object('topic_tags', fold_tags(to_text_array(p_patch -> 'topic_tags')));
  end if;
  v_new := jsonb_populate_record(p_post, p_patch);
  v_new.title := nullif(clean_name(v_new.title), '');
  v_new.body := clean_text(v_new.body);
  perform check_post(v_new.title, v_new.body, v_new.topic_tags);
  return v_new;
end
$$;
comment on function api.apply_post_patch(public.post, jsonb) is
  'Returns the post with a merge patch applied and checked. Raises validation_failed (rules 02.12 '
  'and 30.3).';

create function api.record_post_change(
  p_type text, p_actor uuid, p_old public.post, p_new public.post
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform record(
    p_type, p_actor, p_new.group_id, p_new.id, 'post', p_new.id, event_data(row_to_json(n)),
    row_to_json(o)
  ) from post_shape(p_old, null) as o, post_shape(p_new, null) as n;
end
$$;
comment on function api.record_post_change(text, uuid, public.post, public.post) is
  'Writes the event and the audit entry of a change to a post (rules 05.1 and 05.2).';

create function api.delete_post(p_actor uuid, p_post_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_post post;
begin
  perform require_actor(p_actor);
  v_post := lock_post(p_post_id);
  perform require_author_or_moderator(require_visible_post(p_actor, p_post_id), p_actor);
  if v_post.deleted_at is null then
    perform set_posts_deleted_at(p_actor, array[v_post], now());
  end if;
end
$$;
comment on function api.delete_post(uuid, uuid) is
  'Soft-deletes a post, which hides everything in it. A repeated call changes nothing. Requires '
  'the author or a moderator. Raises unauthenticated, not_found, banned, forbidden (rules 30.7, '
  '30.11 and 30.12).';

create function api.restore_post(p_actor uuid, p_post_id uuid)
returns setof api.posts
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_post post;
begin
  perform require_actor(p_actor);
  v_post := lock_post(p_post_id);
  perform require_may_restore(require_visible_post(p_actor, p_post_id));
  if v_post.deleted_at is not null then
    perform set_posts_deleted_at(p_actor, array[v_post], null);
  end if;
  return query
    select d.* from post as p cross join lateral post_shape(p, p_actor) as d where p.id = p_post_id;
end
$$;
comment on function api.restore_post(uuid, uuid) is
  'Restores a deleted post. A repeated call changes nothing. Requires a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden, parent_deleted (rules 30.8, 30.10, 30.11 and '
  '30.13).';

create function api.set_posts_deleted_at(
  p_actor uuid, p_posts public.post[], p_deleted_at timestamptz
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform lock_tags(p_posts);
  update post set deleted_at = p_deleted_at, updated_at = now()
  where id in (select id from unnest(p_posts));
  perform record_post_change(
    case when p_deleted_at is null then 'post.restored' else 'post.deleted' end, p_actor, o, n
  )
  from unnest(p_posts) as o join post as n on n.id = o.id
  order by n.created_at, n.id;
end
$$;
comment on function api.set_posts_deleted_at(uuid, public.post[], timestamptz) is
  'Deletes posts that the caller has locked, or restores them when p_deleted_at is null. p_posts '
  'holds their rows before the change (rules 30.10 and 30.13).';

create function api.set_post_pinned(p_actor uuid, p_post_id uuid, p_pinned boolean)
returns setof api.posts
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_old post;
  v_new post;
begin
  perform require_actor(p_actor);
  v_old := lock_post(p_post_id);
  v_standing := require_visible_post(p_actor, p_post_id);
  perform require_rank(v_standing, 'moderator');
  perform require_not_deleted(v_standing);
  v_new := v_old;
  if v_old.is_pinned <> p_pinned then
    update post set is_pinned = p_pinned, updated_at = now()
    where id = p_post_id
    returning * into v_new;
    perform record_post_change(
      case when p_pinned then 'post.pinned' else 'post.unpinned' end, p_actor, v_old, v_new
    );
  end if;
  return query select * from post_shape(v_new, p_actor);
end
$$;
comment on function api.set_post_pinned(uuid, uuid, boolean) is
  'Pins or unpins a post. A repeated call changes nothing. Requires a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden (rules 30.9 and 30.13).';
