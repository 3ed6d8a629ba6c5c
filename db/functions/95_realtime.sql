-- Realtime: the receivers of the events of a group or post, and the current data of late events.

create function api.enter_channel(p_actor uuid, p_kind text, p_id uuid)
returns uuid
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
begin
  perform reject_invalid(check_choice('kind', p_kind, 'group', 'post'));
  if p_kind = 'group' then
    v_standing := require_visible_group(p_actor, p_id);
    perform require_content_visible(v_standing, p_actor);
  else
    v_standing := require_visible_post(p_actor, p_id);
  end if;
  return v_standing.group_id;
end
$$;
comment on function api.enter_channel(uuid, text, uuid) is
  'Returns the group to which a group or post (p_kind) belongs, if the actor may receive its '
  'events. Raises not_found, forbidden, unauthenticated, validation_failed (rule 95.1).';

create view api.listeners as
select group_id as id, user_id
from public.group_member;
comment on view api.listeners is
  'Shape of a user who receives the events of the group or post with this id.';

create function api.find_listeners(p_kind text, p_ids uuid[], p_user_ids uuid[])
returns setof api.listeners
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform reject_invalid(check_choice('kind', p_kind, 'group', 'deleted_group', 'post'));
  return query
    with channels as (
      select g.id, g.id as group_id, g.visibility,
        p_kind = 'group' and g.deleted_at is not null as is_deleted
      from group_entity as g
      where p_kind <> 'post' and g.id = any (p_ids)
      union all
      select p.id, g.id, g.visibility, p.deleted_at is not null or g.deleted_at is not null
      from post as p join group_entity as g on g.id = p.group_id
      where p_kind = 'post' and p.id = any (p_ids)
    )
    select c.id, u.id
    from channels as c
    cross join (select distinct id from unnest(p_user_ids) as id) as u
    left join member_standing as m on m.group_id = c.group_id and m.user_id = u.id
    where is_visible(c.visibility, m.role, c.is_deleted);
end
$$;
comment on function api.find_listeners(text, uuid[], uuid[]) is
  'Returns which of the users receive the events of which groups or posts: those who may see the '
  'content. With p_kind deleted_group it returns the receivers of the deletion of a group, as if '
  'the group were not deleted. The nil UUID stands for anonymous callers. Raises validation_failed '
  '(rules 95.1, 95.7 and 95.8).';

-- Late events -------------------------------------------------------------------------------------

create view api.refreshed_events as
select stream_seq as seq, '{}'::json as data
from public.outbox_event;
comment on view api.refreshed_events is
  'Shape of the current data of an event; seq is the position of the event in the streams.';

create function api.refresh_events(p_events json)
returns setof api.refreshed_events
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    select
      e.seq,
      coalesce(
        case when parent.deleted_at is not null then removal_data(e.id, parent.deleted_at) end,
        current_data(e.kind, e.id),
        removal_data(e.id, coalesce(removed_at(e.id), now()))
      )
    from json_to_recordset(p_events)
      as e (seq bigint, kind text, id uuid, subject_id uuid, post_id uuid)
    left join comment as c on c.id = e.subject_id
    left join post as p on p.id = e.post_id
    cross join lateral coalesce(c.deleted_at, p.deleted_at) as parent (deleted_at);
end
$$;
comment on function api.refresh_events(json) is
  'Returns the current data of events {seq, kind, id, subject_id, post_id} that a client receives '
  'late. Data is the shape of the post, comment, reaction, attachment, group or member with this '
  'id. It is only {id, deleted_at} if the row, its comment or its post was deleted (rule 95.6).';

create function api.removed_at(p_id uuid)
returns timestamptz
language sql stable
begin atomic
  select (payload #>> '{data,deleted_at}')::timestamptz
  from public.outbox_event
  where event_type in ('reaction.removed', 'attachment.removed')
    and payload #>> '{data,id}' = p_id::text
  order by id desc limit 1;
end;
comment on function api.removed_at(uuid) is
  'Returns the time at which a reaction or attachment was removed, or null if the outbox no longer '
  'has the event (rule 95.6).';

create function api.current_data(p_kind text, p_id uuid)
returns json
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  case p_kind
    when 'post' then
      return (
        select event_data(row_to_json(d))
        from post as r cross join lateral post_shape(r, null) as d where r.id = p_id
      );
    when 'comment' then
      return (
        select event_data(row_to_json(d))
        from comment as r cross join lateral comment_shape(r, null) as d where r.id = p_id
      );
    when 'reaction' then
      return (select row_to_json(d) from reactions as d where d.id = p_id);
    when 'attachment' then
      return (
        select row_to_json(d)
        from media_attachment as r cross join lateral media_shape(r) as d where r.id = p_id
      );
    when 'group' then
      return (
        select event_data(row_to_json(d))
        from group_entity as r cross join lateral group_shape(r, null) as d where r.id = p_id
      );
    else
      return (select member_data(r) from group_member as r where r.id = p_id);
  end case;
end
$$;
comment on function api.current_data(text, uuid) is
  'Returns the current data of an event about a post, comment, reaction, attachment, group or '
  'member, or null if it does not exist (rules 05.4 and 95.6).';
