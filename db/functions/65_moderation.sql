-- Bulk moderation: removals in batches that can be undone.

create view api.moderation_batches as
select
  id, group_id, actor_id, reason,
  0::bigint as posts_count, 0::bigint as comments_count, 0::bigint as restored_count,
  undone_by, undone_at, created_at
from public.moderation_batch;
comment on view api.moderation_batches is
  'Shape of a batch, with the numbers of its posts, its comments and the items that an undo '
  'restored.';

create function api.moderation_batch_shape(p_row public.moderation_batch)
returns setof api.moderation_batches
language sql stable rows 1
begin atomic
  select
    p_row.id, p_row.group_id, p_row.actor_id, p_row.reason,
    count(*) filter (where i.subject_type = 'post'),
    count(*) filter (where i.subject_type = 'comment'),
    count(i.restored_at),
    p_row.undone_by, p_row.undone_at, p_row.created_at
  from public.moderation_item as i where i.batch_id = p_row.id;
end;
comment on function api.moderation_batch_shape(public.moderation_batch) is
  'Returns a batch with its counts.';

create view api.moderation_items as
select
  subject_id as id, subject_type, null::uuid as author_id, subject_created_at as created_at,
  restored_at
from public.moderation_item;
comment on view api.moderation_items is
  'Shape of a post or comment in a batch. restored_at is the time of the undo that restored it.';

-- Removing ----------------------------------------------------------------------------------------

create function api.remove_content(
  p_actor uuid, p_group_id uuid, p_reason text, p_author_id uuid default null,
  p_ids uuid[] default null, p_since timestamptz default null, p_until timestamptz default null
)
returns setof api.moderation_batches
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_reason text := clean_text(p_reason);
  v_batch moderation_batch;
begin
  perform require_actor(p_actor);
  v_standing := require_visible_group(p_actor, p_group_id);
  perform require_rank(v_standing, 'moderator');
  perform require_not_deleted(v_standing);
  perform reject_invalid(
    check_text('reason', v_reason, 1, 500),
    case
      when num_nonnulls(p_author_id, p_ids) = 0
        then field_error('author_id', 'is required unless ids are given')
    end
  );
  insert into moderation_batch (group_id, actor_id, reason)
  values (p_group_id, p_actor, v_reason)
  returning * into v_batch;
  perform add_batch_items(v_batch, p_author_id, p_ids, p_since, p_until);
  perform delete_batch_items(v_batch);
  perform record(
    'content.removed', p_actor, p_group_id, null, 'moderation_batch', v_batch.id, row_to_json(d)
  ) from moderation_batch_shape(v_batch) as d;
  return query select * from moderation_batch_shape(v_batch);
end
$$;
comment on function api.remove_content(
  uuid, uuid, text, uuid, uuid[], timestamptz, timestamptz
) is
  'Soft-deletes posts and comments of a group in one batch. Selects them by author, by ids or by '
  'both, and from p_since until before p_until. Requires a moderator. Raises unauthenticated, '
  'not_found, banned, forbidden, validation_failed (rules 65.1, 65.2 and 65.3).';

create function api.add_batch_items(
  p_batch public.moderation_batch, p_author_id uuid, p_ids uuid[], p_since timestamptz,
  p_until timestamptz
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
set plan_cache_mode = force_custom_plan -- the filters decide which index serves
as $$
begin
  insert into moderation_item (batch_id, group_id, subject_type, subject_id, subject_created_at)
  select p_batch.id, p_batch.group_id, s.type, s.id, s.created_at
  from (
    select 'post' as type, id, group_id, author_id, created_at from post where deleted_at is null
    union all
    select 'comment', id, group_id, author_id, created_at from comment where deleted_at is null
  ) as s
  where s.group_id = p_batch.group_id
    and (p_author_id is null or s.author_id = p_author_id)
    and (p_ids is null or s.id = any (p_ids))
    and (p_since is null or s.created_at >= p_since)
    and (p_until is null or s.created_at < p_until);
  perform lock_batch_items(p_batch.id);
  delete from moderation_item as i
  where i.batch_id = p_batch.id and (
    exists (select from post where id = i.subject_id and deleted_at is not null)
    or exists (select from comment where id = i.subject_id and deleted_at is not null)
  );
end
$$;
comment on function api.add_batch_items(
  public.moderation_batch, uuid, uuid[], timestamptz, timestamptz
) is
  'Adds posts and comments to a batch and locks them. Omits those that a concurrent transaction '
  'deleted before the lock (rules 65.1 and 65.4).';

create function api.delete_batch_items(p_batch public.moderation_batch)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_ids uuid[] := array(select subject_id from moderation_item where batch_id = p_batch.id);
  v_posts post[] := array(select p from post as p where p.id = any (v_ids));
  v_comments comment[] := array(select c from comment as c where c.id = any (v_ids));
begin
  -- Posts last: deleting them locks the counters of topic tags.
  perform set_comments_deleted_at(p_batch.actor_id, v_comments, p_batch.created_at);
  perform set_posts_deleted_at(p_batch.actor_id, v_posts, p_batch.created_at);
end
$$;
comment on function api.delete_batch_items(public.moderation_batch) is
  'Deletes the locked items of a batch (rule 65.3).';

-- Undoing -----------------------------------------------------------------------------------------

create function api.undo_removal(p_actor uuid, p_batch_id uuid)
returns setof api.moderation_batches
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_batch moderation_batch;
begin
  perform require_actor(p_actor);
  v_batch := lock_moderation_batch(p_batch_id);
  v_standing := require_visible_group(p_actor, v_batch.group_id);
  perform require_visible(v_standing);
  perform require_rank(v_standing, 'moderator');
  perform require_not_deleted(v_standing);
  perform lock_batch_items(p_batch_id);
  perform restore_batch_items(v_batch, p_actor);
  update moderation_batch set undone_by = p_actor, undone_at = now() where id = p_batch_id
  returning * into v_batch;
  perform record(
    'content.restored', p_actor, v_batch.group_id, null, 'moderation_batch', p_batch_id,
    row_to_json(d)
  ) from moderation_batch_shape(v_batch) as d;
  return query select * from moderation_batch_shape(v_batch);
end
$$;
comment on function api.undo_removal(uuid, uuid) is
  'Restores the items of a batch that are unchanged since the removal. A repeated call restores '
  'comments whose post was deleted during the first call. Requires a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden (rules 65.5 and 65.7).';

create function api.restore_batch_items(p_batch public.moderation_batch, p_actor uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_ids uuid[] := array(
    select subject_id from moderation_item where batch_id = p_batch.id and restored_at is null
  );
  v_posts post[] := array(
    select p from post as p where p.id = any (v_ids) and p.deleted_at = p_batch.created_at
  );
  v_comments comment[] := array(
    select c from comment as c join post as p on p.id = c.post_id
    where c.id = any (v_ids) and c.deleted_at = p_batch.created_at
      and (p.deleted_at is null or p = any (v_posts))
  );
begin
  perform set_posts_deleted_at(p_actor, v_posts, null);
  perform set_comments_deleted_at(p_actor, v_comments, null);
  update moderation_item set restored_at = now()
  where batch_id = p_batch.id and subject_id in (
    select id from unnest(v_posts) union all select id from unnest(v_comments)
  );
end
$$;
comment on function api.restore_batch_items(public.moderation_batch, uuid) is
  'Restores the locked items of a batch that still have the deletion time of the batch (rules 65.5 '
  'and 65.7).';

-- Reading -----------------------------------------------------------------------------------------

create function api.list_moderation_batches(
  p_actor uuid, p_group_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.moderation_batches
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the direction decides how the index is read
as $$
declare
  v_page page_request;
begin
  perform require_actor(p_actor);
  perform require_rank(require_visible_group(p_actor, p_group_id), 'moderator');
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, true);
  return query
    select p.* from (
      select d.* from moderation_batch as b cross join lateral moderation_batch_shape(b) as d
      where b.group_id = p_group_id and is_on_page(b.created_at, b.id, v_page)
      order by
        case when v_page.is_ascending then b.created_at end,
        case when v_page.is_ascending then b.id end,
        b.created_at desc, b.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at desc, p.id desc;
end
$$;
comment on function api.list_moderation_batches(uuid, uuid, int, text, text, boolean) is
  'Returns a page of the batches of a group, newest first. Requires a moderator. p_lookahead adds '
  'the first row of the next page. Raises unauthenticated, not_found, banned, forbidden, '
  'validation_failed, invalid_cursor (rule 65.6).';

create function api.list_moderation_items(
  p_actor uuid, p_batch_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.moderation_items
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the direction decides how the index is read
as $$
declare
  v_group_id uuid := (select group_id from moderation_batch where id = p_batch_id);
  v_page page_request;
begin
  perform require_actor(p_actor);
  perform require_rank(require_visible_group(p_actor, v_group_id), 'moderator');
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, true);
  return query
    select p.* from (
      select i.subject_id as id, i.subject_type, s.author_id, i.subject_created_at as created_at,
        i.restored_at
      from moderation_item as i
      cross join lateral (
        select author_id from post where i.subject_type = 'post' and id = i.subject_id
        union all
        select author_id from comment where i.subject_type = 'comment' and id = i.subject_id
      ) as s
      where i.batch_id = p_batch_id and is_on_page(i.subject_created_at, i.subject_id, v_page)
      order by
        case when v_page.is_ascending then i.subject_created_at end,
        case when v_page.is_ascending then i.subject_id end,
        i.subject_created_at desc, i.subject_id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at desc, p.id desc;
end
$$;
comment on function api.list_moderation_items(uuid, uuid, int, text, text, boolean) is
  'Returns a page of the posts and comments of a batch, newest first. Requires a moderator. '
  'p_lookahead adds the first row of the next page. Raises unauthenticated, not_found, banned, '
  'forbidden, validation_failed, invalid_cursor (rule 65.6).';
