-- Records: every change writes an event to the outbox; a change to existing content or to rights
-- also writes an entry to the audit log. Both follow the changed row in its transaction, so that
-- the events of one row keep their order (rules 05.1, 05.2, 05.7 and 05.8).

create function api.traceparent()
returns text
language sql stable
return substring(
  current_setting('communities.traceparent', true)
  from '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
);
comment on function api.traceparent() is
  'Returns the span of this transaction, if the caller has set communities.traceparent with '
  'set_config(…, true); null for a malformed value (rule 05.6).';

create function api.emit(
  p_type text, p_actor uuid, p_group_id uuid, p_post_id uuid, p_subject_type text,
  p_subject_id uuid, p_data json
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  insert into outbox_event (
    group_id, aggregate_type, aggregate_id, event_type, payload, stream, processed_at, traceparent
  )
  values (
    p_group_id, p_subject_type, p_subject_id, p_type,
    jsonb_build_object(
      'group_id', p_group_id, 'post_id', p_post_id, 'actor_id', p_actor, 'occurred_at', now(),
      'data', p_data
    ),
    stream_of(p_type, p_subject_type), case when not is_searched(p_type) then now() end,
    traceparent()
  );
  perform wake_workers();
end
$$;
comment on function api.emit(text, uuid, uuid, uuid, text, uuid, json) is
  'Writes an event to the outbox. p_data is the shape of the subject for no viewer, or only {id, '
  'deleted_at} for …deleted and …removed (rules 05.1, 05.4 and 05.6).';

create function api.audit(
  p_type text, p_actor uuid, p_group_id uuid, p_subject_type text, p_subject_id uuid,
  p_after json, p_before json
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  insert into audit_log (group_id, actor_id, action, subject_type, subject_id, before, after)
  values (p_group_id, p_actor, p_type, p_subject_type, p_subject_id, p_before, p_after);
end
$$;
comment on function api.audit(text, uuid, uuid, text, uuid, json, json) is
  'Writes an entry to the audit log with the states before and after the change (rule 05.2).';

create function api.record(
  p_type text, p_actor uuid, p_group_id uuid, p_post_id uuid, p_subject_type text,
  p_subject_id uuid, p_data json, p_before json default null
)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform emit(p_type, p_actor, p_group_id, p_post_id, p_subject_type, p_subject_id, p_data);
  perform audit(p_type, p_actor, p_group_id, p_subject_type, p_subject_id, p_data, p_before);
end
$$;
comment on function api.record(text, uuid, uuid, uuid, text, uuid, json, json) is
  'Writes an event to the outbox and an entry to the audit log. p_before is the state before the '
  'change, p_data the state after it (rules 05.1 and 05.2).';

create function api.removal_data(p_id uuid, p_deleted_at timestamptz)
returns json
language sql stable
return json_build_object('id', p_id, 'deleted_at', p_deleted_at);
comment on function api.removal_data(uuid, timestamptz) is
  'Returns the data of an event about something deleted or removed, without its content (rule '
  '05.4).';

create function api.event_data(p_shape json)
returns json
language sql stable
return case
  when p_shape ->> 'deleted_at' is null then p_shape
  else json_build_object('id', p_shape -> 'id', 'deleted_at', p_shape -> 'deleted_at')
end;
comment on function api.event_data(json) is
  'Returns the data of an event about a shape that may be deleted (rule 05.4).';

create function api.list_audit_log(
  p_actor uuid, p_group_id uuid, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.audit_entries
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
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, true);
  return query
    select p.* from (
      select e.* from audit_entries as e
      where e.group_id = p_group_id
        and is_on_page(e.created_at, e.id, v_page)
      order by
        case when v_page.is_ascending then e.created_at end,
        case when v_page.is_ascending then e.id end,
        e.created_at desc, e.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at desc, p.id desc;
end
$$;
comment on function api.list_audit_log(uuid, uuid, int, text, text, boolean) is
  'Returns a page of the audit log of a group, newest first. Requires an admin. p_lookahead adds '
  'the first row of the next page. Raises unauthenticated, not_found, banned, forbidden, '
  'validation_failed, invalid_cursor (rule 05.5).';

create function api.tg_audit_log__append_only()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and current_setting('communities.erasing', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
end
$$;
comment on function api.tg_audit_log__append_only() is
  'Raises an error for every change of the audit log, except the erasure of a user (rule 05.3).';

create trigger tg_audit_log__append_only before update or delete or truncate on public.audit_log
for each statement execute function api.tg_audit_log__append_only();
