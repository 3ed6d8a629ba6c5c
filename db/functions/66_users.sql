-- Users: export and erasure of all data about a user. Only trusted jobs may call these doors. The
-- job authorises the request, because another system holds the accounts.

create view api.personal_data as
select action as kind, before as data from public.audit_log;
comment on view api.personal_data is 'Shape of one item of the data about a user.';

create function api.check_user(p_user_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(
    case when viewer(p_user_id) = viewer(null) then field_error('user_id', 'is the nil UUID') end
  );
end
$$;
comment on function api.check_user(uuid) is
  'Raises validation_failed for the nil UUID, which no user has, and for null (rule 66.7).';

create function api.export_user(p_user_id uuid)
returns setof api.personal_data
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform check_user(p_user_id);
  return query select * from export_standing(p_user_id);
  return query
    select 'post', to_jsonb(d)
    from post as p cross join lateral post_shape(p, p_user_id) as d
    where p.author_id = p_user_id order by d.created_at, d.id;
  return query
    select 'comment', to_jsonb(d)
    from comment as c cross join lateral comment_shape(c, p_user_id) as d
    where c.author_id = p_user_id order by d.created_at, d.id;
  return query
    select 'reaction', to_jsonb(r) from reactions as r
    where r.user_id = p_user_id order by r.created_at, r.id;
  return query
    select 'attachment', to_jsonb(d)
    from media_attachment as m cross join lateral media_shape(m) as d
    where m.created_by = p_user_id order by d.created_at, d.id;
  return query
    select 'upload', to_jsonb(u) from presigned_upload as u
    where u.actor_id = p_user_id order by u.created_at, u.key;
  return query
    select 'audit_entry', to_jsonb(e) from audit_entries as e
    where e.actor_id = p_user_id order by e.created_at, e.id;
end
$$;
comment on function api.export_user(uuid) is
  'Returns all data about a user, deleted rows included. kind is group (that the user created), '
  'member (or banned user), invite, join_request, post, comment, reaction, attachment, upload or '
  'audit_entry. Raises validation_failed (rules 66.1 and 66.7).';

create function api.export_standing(p_user_id uuid)
returns setof api.personal_data
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select 'group', to_jsonb(d)
    from group_entity as g cross join lateral group_shape(g, p_user_id) as d
    where g.created_by = p_user_id order by d.created_at, d.id;
  return query
    select 'member', to_jsonb(d) || jsonb_build_object('left_at', m.left_at)
    from group_member as m cross join lateral member_shape(m) as d
    where m.user_id = p_user_id order by d.created_at, d.id;
  return query
    select 'invite', to_jsonb(i) from invites as i
    where p_user_id in (i.user_id, i.created_by) order by i.created_at, i.id;
  return query
    select 'join_request', to_jsonb(r) from join_requests as r
    where r.user_id = p_user_id order by r.created_at, r.id;
end
$$;
comment on function api.export_standing(uuid) is
  'Returns the groups, memberships, invitations and requests to join of a user (rule 66.1).';

-- Erasure -----------------------------------------------------------------------------------------

create view api.erasures as
select action as kind, 0::bigint as count from public.audit_log;
comment on view api.erasures is 'Shape of the number of erased rows of a kind.';

create function api.erase_user(p_user_id uuid)
returns setof api.erasures
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform check_user(p_user_id);
  perform erase_batches(p_user_id);
  perform lock_threads_of(p_user_id);
  perform lock_groups_of(p_user_id);
  perform require_successors(p_user_id);
  return query select 'member', erase_members(p_user_id);
  return query select 'group', erase_creator(p_user_id);
  return query select 'invitation', erase_invitations(p_user_id);
  return query select 'reaction', erase_reactions(p_user_id);
  return query select 'attachment', erase_attachments(p_user_id);
  return query select 'comment', erase_comments(p_user_id);
  return query select 'post', erase_posts(p_user_id);
  return query select 'upload', erase_uploads(p_user_id);
  return query select 'record', erase_records(p_user_id);
end
$$;
comment on function api.erase_user(uuid) is
  'Erases a user: ends memberships, soft-deletes and clears posts and comments, and removes '
  'reactions, attachments and uploads. Removes the user''s id and texts from the audit log and the '
  'outbox. The nil UUID replaces the id in the rows that remain. Active bans and mutes remain. The '
  'caller waits until the user''s tokens have expired. Raises validation_failed, and last_owner '
  'with the groups that would lose their last owner (rules 66.2, 66.3, 66.4, 66.5, 66.6 and 66.7).';

create function api.erase_batches(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform lock_batches_of(p_user_id);
  update moderation_batch set actor_id = viewer(null) where actor_id = p_user_id;
  update moderation_batch set undone_by = viewer(null) where undone_by = p_user_id;
end
$$;
comment on function api.erase_batches(uuid) is
  'Replaces a user by the nil UUID in the batches that the user created or undid (rule 66.3).';

create function api.require_successors(p_user_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_orphans text;
begin
  select string_agg(g.id::text, ', ' order by g.id) into v_orphans
  from group_member as m join group_entity as g on g.id = m.group_id
  where m.user_id = p_user_id and g.deleted_at is null and is_last_owner(g.id, p_user_id);
  if v_orphans is not null then
    perform fail(
      'last_owner', format('Give these groups another owner, or delete them, first: %s.', v_orphans)
    );
  end if;
end
$$;
comment on function api.require_successors(uuid) is
  'Raises last_owner with the ids of the groups whose only owner is the user (rule 66.6).';

create function api.erase_members(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_members group_member[] := lock_members_of(p_user_id);
begin
  update group_member set left_at = now(), role = 'member', updated_at = now()
  where user_id = p_user_id and left_at is null;
  perform record('member.left', null, o.group_id, null, 'member', o.id, row_to_json(d))
  from unnest(v_members) as o
  join group_member as m on m.id = o.id
  cross join lateral member_shape(m) as d
  where o.left_at is null
  order by o.group_id;
  delete from group_member
  where user_id = p_user_id and not is_ban_active(is_banned, banned_until)
    and coalesce(muted_until <= now(), true);
  update group_member set banned_by = null where banned_by = p_user_id;
  return cardinality(v_members);
end
$$;
comment on function api.erase_members(uuid) is
  'Ends a user''s memberships and deletes their records, except for active bans and mutes. Returns '
  'the number of records (rules 66.2 and 66.4).';

create function api.erase_creator(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_groups group_entity[] := array(select g from group_entity as g where g.created_by = p_user_id);
begin
  update group_entity set created_by = viewer(null) where created_by = p_user_id;
  perform record_group_change('group.updated', null, null, g)
  from unnest(v_groups) as o join group_entity as g on g.id = o.id
  where g.deleted_at is null
  order by g.id;
  return cardinality(v_groups);
end
$$;
comment on function api.erase_creator(uuid) is
  'Replaces a user by the nil UUID as creator of groups. Returns the number of these groups (rule '
  '66.3).';

create function api.erase_invitations(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_invites bigint;
  v_requests bigint;
begin
  delete from group_invite where p_user_id in (user_id, created_by);
  get diagnostics v_invites = row_count;
  delete from join_request where user_id = p_user_id;
  get diagnostics v_requests = row_count;
  update join_request set decided_by = null where decided_by = p_user_id;
  return v_invites + v_requests;
end
$$;
comment on function api.erase_invitations(uuid) is
  'Deletes the invitations that a user created or received, and the user''s requests to join. '
  'Returns the number of deleted rows (rule 66.2).';

create function api.erase_reactions(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_reactions reaction[] := array(select r from reaction as r where r.user_id = p_user_id);
begin
  delete from reaction where user_id = p_user_id;
  perform emit(
    'reaction.removed', null, r.group_id, r.post_id, r.subject_type, r.subject_id,
    removal_data(r.id, now())
  )
  from unnest(v_reactions) as r order by r.id;
  return cardinality(v_reactions);
end
$$;
comment on function api.erase_reactions(uuid) is
  'Deletes a user''s reactions. Returns the number of deleted reactions (rule 66.2).';

create function api.erase_attachments(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_media media_attachment[] := array(
    select m from media_attachment as m where m.created_by = p_user_id and m.subject_type <> 'group'
  );
begin
  delete from media_attachment where id in (select id from unnest(v_media));
  perform record(
    'attachment.removed', null, m.group_id, m.post_id, m.subject_type, m.subject_id,
    removal_data(m.id, now())
  )
  from unnest(v_media) as m order by m.id;
  -- Avatars and covers of groups remain.
  update media_attachment set created_by = viewer(null) where created_by = p_user_id;
  return cardinality(v_media);
end
$$;
comment on function api.erase_attachments(uuid) is
  'Deletes a user''s attachments to posts and comments. Returns the number of deleted attachments '
  '(rules 66.2 and 66.3).';

create function api.erase_comments(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_ids uuid[] := array(select id from comment where author_id = p_user_id);
  v_not_deleted uuid[] := array(
    select id from comment where id = any (v_ids) and deleted_at is null
  );
begin
  update comment
  set
    author_id = viewer(null), body = '[erased]', edited_at = null, updated_at = now(),
    deleted_at = coalesce(deleted_at, now())
  where id = any (v_ids);
  -- The audit entry omits the state before the change, which contains the text.
  perform record(
    'comment.deleted', null, c.group_id, c.post_id, 'comment', c.id,
    removal_data(c.id, c.deleted_at)
  )
  from comment as c where c.id = any (v_not_deleted) order by c.created_at, c.id;
  return cardinality(v_ids);
end
$$;
comment on function api.erase_comments(uuid) is
  'Soft-deletes a user''s comments and clears their texts; replies remain. Returns the number of '
  'comments (rules 66.2 and 66.8).';

create function api.erase_posts(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_ids uuid[] := array(select id from post where author_id = p_user_id);
  v_not_deleted uuid[] := array(select id from post where id = any (v_ids) and deleted_at is null);
begin
  perform lock_tags(array(select p from post as p where p.id = any (v_not_deleted)));
  update post
  set
    author_id = viewer(null), title = null, body = '[erased]', topic_tags = '{}', is_pinned = false,
    edited_at = null, updated_at = now(), deleted_at = coalesce(deleted_at, now())
  where id = any (v_ids);
  perform record(
    'post.deleted', null, p.group_id, p.id, 'post', p.id, removal_data(p.id, p.deleted_at)
  )
  from post as p where p.id = any (v_not_deleted) order by p.created_at, p.id;
  return cardinality(v_ids);
end
$$;
comment on function api.erase_posts(uuid) is
  'Soft-deletes a user''s posts and clears their texts. Returns the number of posts (rule 66.2).';

create function api.erase_uploads(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_uploads bigint;
begin
  -- No actor can link an upload of the nil UUID; the sweeper deletes its object after the expiry.
  update presigned_upload set actor_id = viewer(null), filename = null where actor_id = p_user_id;
  get diagnostics v_uploads = row_count;
  delete from idempotency_key where actor_id = p_user_id;
  return v_uploads;
end
$$;
comment on function api.erase_uploads(uuid) is
  'Assigns a user''s uploads to the nil UUID, and deletes the answers stored for the user''s '
  'requests. Returns the number of uploads (rule 66.2).';

create function api.erase_records(p_user_id uuid)
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_like text := format('%%%s%%', p_user_id);
  v_entries bigint;
  v_events bigint;
begin
  -- The trigger of the audit log permits updates only under this setting.
  perform set_config('communities.erasing', 'on', true);
  update audit_log
  set
    actor_id = nullif(actor_id, p_user_id),
    before = without_user(before, p_user_id), after = without_user(after, p_user_id)
  where actor_id = p_user_id or before::text like v_like or after::text like v_like;
  get diagnostics v_entries = row_count;
  perform set_config('communities.erasing', 'off', true);
  -- Makes the relay wait, which updates the same rows.
  perform lock_stream_sequence();
  update outbox_event
  set payload = without_user(
    jsonb_set(payload, '{data}', without_user(payload -> 'data', p_user_id)), p_user_id
  )
  where payload::text like v_like;
  get diagnostics v_events = row_count;
  return v_entries + v_events;
end
$$;
comment on function api.erase_records(uuid) is
  'Replaces a user''s id by the nil UUID in the audit log and the outbox, and removes the user''s '
  'texts there. Scans both tables. Returns the number of changed rows (rules 05.3 and 66.5).';

create function api.without_user(p_data jsonb, p_user_id uuid)
returns jsonb
language sql stable
return replace(
  case
    when p_data ->> 'author_id' = p_user_id::text
      then jsonb_build_object('id', p_data -> 'id', 'deleted_at', now())
    else p_data
  end::text,
  p_user_id::text, api.viewer(null)::text
)::jsonb;
comment on function api.without_user(jsonb, uuid) is
  'Returns the data with a user''s id replaced by the nil UUID. Reduces data that the user wrote '
  'to {id, deleted_at} (rule 66.5).';
