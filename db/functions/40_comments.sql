-- Comments. Triggers keep the counters (80_counters.sql) and the tombstones (82_tombstones.sql) of
-- a thread.

create function api.check_comment(p_body text)
returns json
language sql stable
return api.check_text('body', p_body, 1, 10000);
comment on function api.check_comment(text) is
  'Returns a field error unless the body of a comment has 1 to 10,000 characters (rule 40.2).';

create function api.create_comment(
  p_actor uuid, p_post_id uuid, p_body text, p_parent_id uuid default null
)
returns setof api.comments
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_body text := clean_text(p_body);
  v_depth int;
begin
  perform require_actor(p_actor);
  v_standing := require_visible_post(p_actor, p_post_id);
  perform require_may_write(v_standing);
  perform require_not_deleted(v_standing);
  v_depth := reply_depth(p_post_id, p_parent_id);
  perform reject_invalid(
    check_comment(v_body),
    case
      when v_depth is null then field_error('parent_id', 'is not a comment of this post')
      when v_depth > 5 then field_error('parent_id', 'has the maximum depth of 5')
    end
  );
  -- One statement, so that the trigger that counts comments locks the post last.
  return query
    with written as (
      insert into comment (group_id, post_id, author_id, parent_id, body, depth)
      values (v_standing.group_id, p_post_id, p_actor, p_parent_id, v_body, v_depth)
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
  'Creates a comment, or a reply when p_parent_id is given. Requires a member who is not muted. '
  'Raises unauthenticated, not_found, banned, forbidden, muted, validation_failed (rules 05.8, '
  '40.1, 40.2, 40.3, 40.4 and 40.10).';

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
  'Returns the depth of a reply to this parent: 0 without a parent, null if the parent is deleted '
  'or belongs to another post (rules 40.3 and 40.4).';

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
  'Returns a comment. Raises not_found (rules 04.7, 04.8 and 04.9).';

create function api.list_comments(
  p_actor uuid, p_post_id uuid, p_parent_id uuid default null, p_deleted boolean default false,
  p_limit int default 20, p_before text default null, p_after text default null,
  p_lookahead boolean default false
)
returns setof api.comments
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan -- a custom plan takes longer than the page
as $$
declare
  v_standing standing := require_visible_post(p_actor, p_post_id);
  v_viewer uuid := viewer(p_actor);
  v_page page_request := parse_page(p_before, p_after, p_limit, p_lookahead, false);
begin
  if p_deleted or p_parent_id is not null then
    return query
      select * from filter_comments(p_actor, v_standing, p_parent_id, p_deleted, v_page);
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
  'Returns a page of the comments of a post in all depths, or of the direct replies to '
  'p_parent_id, oldest first. A deleted comment appears as a tombstone while a reply below it is '
  'not deleted. p_deleted selects the deleted comments instead, with their content, for '
  'moderators. p_lookahead adds the first row of the next page. Raises not_found, unauthenticated, '
  'banned, forbidden, validation_failed, invalid_cursor (rules 03.5, 40.5 and 40.6).';

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
    select q.* from (
      select d.*
      from comment as c
      cross join lateral (
        select * from comment_shape(c, v_viewer) where p_deleted
        union all
        select * from comment_in_list(c, v_viewer) where p_deleted is not true
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
    ) as q
    order by q.created_at, q.id;
end
$$;
comment on function api.filter_comments(uuid, api.standing, uuid, boolean, api.page_request) is
  'Returns the page of list_comments that its filters select. A null parent selects all depths. '
  'Raises unauthenticated, banned and forbidden for deleted comments below moderator (rules 40.5 '
  'and 40.6).';

create function api.update_comment(p_actor uuid, p_comment_id uuid, p_patch jsonb)
returns setof api.comments
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
  perform require_may_edit(require_visible_comment(p_actor, p_comment_id), p_actor);
  v_new := apply_comment_patch(v_old, p_patch);
  if v_new is distinct from v_old then
    update comment set body = v_new.body, updated_at = now(), edited_at = now()
    where id = p_comment_id
    returning * into v_new;
    perform record_comment_change('comment.updated', p_actor, v_old, v_new);
  end if;
  return query select * from comment_shape(v_new, p_actor);
end
$$;
comment on function api.update_comment(uuid, uuid, jsonb) is
  'Applies a merge patch to a comment: body. Requires the author, who is a member and not muted. '
  'Raises unauthenticated, not_found, forbidden, banned, muted, validation_failed (rules 40.2 and '
  '40.7).';

create function api.apply_comment_patch(p_comment public.comment, p_patch jsonb)
returns public.comment
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_new comment;
begin
  perform reject_invalid(variadic check_patch(p_patch, '{"body": "string"}'));
  v_new := jsonb_populate_record(p_comment, p_patch);
  v_new.body := clean_text(v_new.body);
  perform reject_invalid(check_comment(v_new.body));
  return v_new;
end
$$;
comment on function api.apply_comment_patch(public.comment, jsonb) is
  'Returns the comment with a merge patch applied and checked. Raises validation_failed (rules '
  '02.12 and 40.2).';

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
    event_data(row_to_json(n)), row_to_json(o)
  ) from comment_shape(p_old, null) as o, comment_shape(p_new, null) as n;
end
$$;
comment on function api.record_comment_change(text, uuid, public.comment, public.comment) is
  'Writes the event and the audit entry of a change to a comment (rules 05.1 and 05.2).';

create function api.delete_comment(p_actor uuid, p_comment_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_comment comment;
begin
  perform require_actor(p_actor);
  v_comment := lock_comment(p_comment_id);
  perform require_author_or_moderator(require_visible_comment(p_actor, p_comment_id), p_actor);
  if v_comment.deleted_at is null then
    perform set_comments_deleted_at(p_actor, array[v_comment], now());
  end if;
end
$$;
comment on function api.delete_comment(uuid, uuid) is
  'Soft-deletes a comment. A repeated call changes nothing. Requires the author or a moderator. '
  'Raises unauthenticated, not_found, banned, forbidden (rule 40.8).';

create function api.restore_comment(p_actor uuid, p_comment_id uuid)
returns setof api.comments
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_comment comment;
begin
  perform require_actor(p_actor);
  v_comment := lock_comment(p_comment_id);
  perform require_may_restore(require_visible_comment(p_actor, p_comment_id));
  if v_comment.deleted_at is not null then
    perform set_comments_deleted_at(p_actor, array[v_comment], null);
  end if;
  return query
    select d.* from comment as c cross join lateral comment_shape(c, p_actor) as d
    where c.id = p_comment_id;
end
$$;
comment on function api.restore_comment(uuid, uuid) is
  'Restores a deleted comment. A repeated call changes nothing. Requires a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden, parent_deleted (rule 40.9).';

create function api.set_comments_deleted_at(
  p_actor uuid, p_comments public.comment[], p_deleted_at timestamptz
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  update comment set deleted_at = p_deleted_at, updated_at = now()
  where id in (select id from unnest(p_comments));
  perform record_comment_change(
    case when p_deleted_at is null then 'comment.restored' else 'comment.deleted' end, p_actor, o, n
  )
  from unnest(p_comments) as o join comment as n on n.id = o.id
  order by n.created_at, n.id;
end
$$;
comment on function api.set_comments_deleted_at(uuid, public.comment[], timestamptz) is
  'Deletes comments that the caller has locked, or restores them when p_deleted_at is null. '
  'p_comments holds their rows before the change.';
