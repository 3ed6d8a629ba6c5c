-- Comments (§2, §3.1). A thread's counter and its tombstones are kept by triggers (80_counters.sql, 82_tombstones.sql).

create function api.create_comment(
  p_actor uuid, p_post_id uuid, p_body text, p_parent_id uuid default null
)
returns setof api.comments
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_body text := clean_text(p_body);
  v_depth int;
begin
  perform require_actor(p_actor);
  v := require_visible_post(p_actor, p_post_id);
  perform require_may_write(v);
  perform require_not_deleted(v);
  v_depth := reply_depth(p_post_id, p_parent_id);
  perform reject_invalid(
    check_text('body', v_body, 1, 10000),
    case
      when v_depth is null then field_error('parent_id', 'is not a comment of this post')
      when v_depth > 5 then field_error('parent_id', 'is too deep for another reply')
    end
  );
  -- One statement: the post's counter, which a trigger keeps, is locked last and shortest.
  return query
    with written as (
      insert into comment (group_id, post_id, author_id, parent_id, body, depth)
      values (v.group_id, p_post_id, p_actor, p_parent_id, v_body, v_depth)
      returning *
    )
    select d.* from written as w
    cross join lateral comment_shape(w, null) as d
    cross join lateral emit(
      'comment.created', p_actor, w.group_id, w.post_id, 'comment', w.id, row_to_json(d)
    ) as e;
end
$$;
comment on function api.create_comment(uuid, uuid, text, uuid) is
  'Writes a comment or a reply; for members who are not muted. Raises unauthenticated, not_found, '
  'banned, forbidden, muted, validation_failed (§2, §8).';

create function api.reply_depth(p_post_id uuid, p_parent_id uuid)
returns int
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_parent_id is null then
    return 0;
  end if;
  return (
    select depth + 1 from comment
    where id = p_parent_id and post_id = p_post_id and deleted_at is null
  );
end
$$;
comment on function api.reply_depth(uuid, uuid) is
  'The depth of a reply to a comment, 0 for a comment on the post itself, null when the parent is no '
  'living comment of the post (§1.1).';

create function api.get_comment(p_actor uuid, p_comment_id uuid)
returns setof api.comments
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_visible_comment(p_actor, p_comment_id);
  return query
    select d.* from comment as c cross join lateral comment_shape(c, viewer(p_actor)) as d
    where c.id = p_comment_id;
end
$$;
comment on function api.get_comment(uuid, uuid) is
  'One comment. Raises not_found where the actor may not see it (§2).';

create function api.list_comments(
  p_actor uuid, p_post_id uuid, p_parent_id uuid default null, p_deleted boolean default false,
  p_limit int default 20, p_before text default null, p_after text default null,
  p_lookahead boolean default false
)
returns setof api.comments
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan -- for its limit alone, each call would be planned
as $$
declare
  v standing;
  v_viewer uuid := viewer(p_actor);
  v_page page_request;
begin
  v := require_visible_post(p_actor, p_post_id);
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, false);
  if p_deleted or p_parent_id is not null then
    return query
      select * from filter_comments(p_actor, v, p_parent_id, coalesce(p_deleted, false), v_page);
  elsif v_page.is_ascending then
    return query
      select d.* from comment as c cross join lateral comment_in_list(c, v_viewer) as d
      where c.post_id = p_post_id and c.is_listed
        and (c.created_at, c.id) > (v_page.created_at, v_page.id)
      order by c.created_at, c.id limit v_page.max_rows;
  else
    return query
      select q.* from (
        select d.* from comment as c cross join lateral comment_in_list(c, v_viewer) as d
        where c.post_id = p_post_id and c.is_listed
          and (c.created_at, c.id) < (v_page.created_at, v_page.id)
        order by c.created_at desc, c.id desc limit v_page.max_rows
      ) as q
      order by q.created_at, q.id;
  end if;
end
$$;
comment on function api.list_comments(uuid, uuid, uuid, boolean, int, text, text, boolean) is
  'The comments of a post in all depths, oldest first, or the direct replies to one; a deleted comment '
  'with a living reply below is a tombstone. p_deleted lists only the deleted ones, whole, for '
  'moderators. p_lookahead adds the first row of the next page. Raises not_found, unauthenticated, '
  'forbidden, validation_failed, invalid_cursor (§2, §7).';

create function api.filter_comments(
  p_actor uuid, p_standing api.standing, p_parent_id uuid, p_deleted boolean,
  p_page api.page_request
)
returns setof api.comments
language plpgsql stable
set search_path = public, api, pg_temp
set plan_cache_mode = force_custom_plan -- the filters and the direction decide which index serves
as $$
declare
  v_post_id uuid := p_standing.post_id;
  v_viewer uuid := viewer(p_actor);
begin
  if p_deleted then
    perform require_actor(p_actor);
    perform require_rank(p_standing, 'moderator');
  end if;
  return query
    select p.* from (
      select d.*
      from comment as c
      cross join lateral (
        select * from comment_shape(c, v_viewer) where p_deleted
        union all
        select * from comment_in_list(c, v_viewer) where not p_deleted
      ) as d
      where c.post_id = v_post_id
        and (p_parent_id is null or c.parent_id = p_parent_id)
        and case when p_deleted then c.deleted_at is not null else c.is_listed end
        and is_on_page(c.created_at, c.id, p_page)
      order by
        case when p_page.is_ascending then c.created_at end,
        case when p_page.is_ascending then c.id end,
        c.created_at desc, c.id desc
      limit p_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.filter_comments(uuid, api.standing, uuid, boolean, api.page_request) is
  'The comments of list_comments that filters name. Raises unauthenticated, banned, forbidden for '
  'deleted ones below moderator (§2).';

create function api.update_comment(p_actor uuid, p_comment_id uuid, p_patch jsonb)
returns setof api.comments
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_old comment;
  v_new comment;
  v_body text := clean_text(p_patch ->> 'body');
begin
  perform require_actor(p_actor);
  v_old := lock_comment(p_comment_id);
  v := require_visible_comment(p_actor, p_comment_id);
  perform require_author(v, p_actor);
  perform require_may_write(v);
  perform require_not_deleted(v);
  perform reject_invalid(variadic check_patch(p_patch, '{"body": "string"}'));
  v_new := v_old;
  if p_patch ? 'body' and v_body is distinct from v_old.body then
    perform reject_invalid(check_text('body', v_body, 1, 10000));
    update comment set body = v_body, updated_at = now(), edited_at = now()
    where id = p_comment_id
    returning * into v_new;
    perform record_comment_change('comment.updated', p_actor, v_old, v_new);
  end if;
  return query select * from comment_shape(v_new, p_actor);
end
$$;
comment on function api.update_comment(uuid, uuid, jsonb) is
  'Changes the body; for the author, while a member and not muted. Raises unauthenticated, not_found, '
  'forbidden, banned, muted, validation_failed (§2, §8).';

create function api.lock_comment(p_comment_id uuid)
returns public.comment
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_comment comment;
begin
  perform lock_post((select post_id from comment where id = p_comment_id));
  select * into v_comment from comment where id = p_comment_id for no key update;
  return v_comment;
end
$$;
comment on function api.lock_comment(uuid) is
  'The locked row of a comment, its post locked before it; a row of nulls when there is none.';

create function api.record_comment_change(
  p_type text, p_actor uuid, p_old public.comment, p_new public.comment
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform record(
    p_type, p_actor, p_new.group_id, p_new.post_id, 'comment', p_new.id,
    case
      when p_new.deleted_at is not null then removal_data(p_new.id, p_new.deleted_at)
      else row_to_json(n)
    end,
    row_to_json(o)
  ) from comment_shape(p_old, null) as o, comment_shape(p_new, null) as n;
end
$$;
comment on function api.record_comment_change(text, uuid, public.comment, public.comment) is
  'Records a change from one state of a comment to another; of a deleted one no content.';

create function api.delete_comment(p_actor uuid, p_comment_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_old comment;
  v_new comment;
begin
  perform require_actor(p_actor);
  v_old := lock_comment(p_comment_id);
  perform require_author_or_moderator(require_visible_comment(p_actor, p_comment_id), p_actor);
  if v_old.deleted_at is null then
    update comment set deleted_at = now(), updated_at = now()
    where id = p_comment_id
    returning * into v_new;
    perform record_comment_change('comment.deleted', p_actor, v_old, v_new);
  end if;
end
$$;
comment on function api.delete_comment(uuid, uuid) is
  'Deletes a comment softly; for its author and moderators; again changes nothing. Raises '
  'unauthenticated, not_found, banned, forbidden (§2).';

create function api.restore_comment(p_actor uuid, p_comment_id uuid)
returns setof api.comments
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_old comment;
  v_new comment;
begin
  perform require_actor(p_actor);
  v_old := lock_comment(p_comment_id);
  v := require_visible_comment(p_actor, p_comment_id);
  perform require_rank(v, 'moderator');
  perform require_restorable(v);
  v_new := v_old;
  if v_old.deleted_at is not null then
    update comment set deleted_at = null, updated_at = now()
    where id = p_comment_id
    returning * into v_new;
    perform record_comment_change('comment.restored', p_actor, v_old, v_new);
  end if;
  return query select * from comment_shape(v_new, p_actor);
end
$$;
comment on function api.restore_comment(uuid, uuid) is
  'Restores a deleted comment; for moderators; a living one stays as it is. Raises unauthenticated, '
  'not_found, banned, forbidden, parent_deleted (§2).';
