-- Outbox: the events that writers emit, and the progress of each consumer. Search sets
-- processed_at; the relay of the streams sets stream_seq and published_at. Delivery is at least
-- once: a consumer marks an event as finished in the transaction that claimed it. No consumer
-- depends on the arrival of a NOTIFY (rule 07.3).

-- Registry of event types: a constant rather than a table, because every write looks up a type.
create function api.event_registry()
returns jsonb
language sql immutable
return '{
  "post.created": {"is": ["streamed", "searched"], "summary": "A post was created."},
  "post.updated": {"is": ["streamed", "searched"], "summary": "A post was edited."},
  "post.deleted": {
    "is": ["streamed", "searched", "ends_subject", "may_end_access"],
    "summary": "A post was deleted."
  },
  "post.restored": {"is": ["streamed", "searched"], "summary": "A deleted post was restored."},
  "post.pinned": {"is": ["streamed"], "summary": "A post was pinned."},
  "post.unpinned": {"is": ["streamed"], "summary": "A post was unpinned."},
  "comment.created": {"is": ["streamed", "searched"], "summary": "A comment was created."},
  "comment.updated": {"is": ["streamed", "searched"], "summary": "A comment was edited."},
  "comment.deleted": {
    "is": ["streamed", "searched", "ends_subject"],
    "summary": "A comment was deleted."
  },
  "comment.restored": {
    "is": ["streamed", "searched"],
    "summary": "A deleted comment was restored."
  },
  "reaction.added": {"is": ["streamed"], "summary": "A user reacted."},
  "reaction.removed": {"is": ["streamed", "ends_subject"], "summary": "A user removed a reaction."},
  "attachment.added": {"is": ["streamed"], "summary": "A file was attached."},
  "attachment.removed": {
    "is": ["streamed", "ends_subject"],
    "summary": "An attachment was removed."
  },
  "group.created": {"is": ["searched"], "summary": "A group was created."},
  "group.updated": {
    "is": ["streamed", "searched", "may_end_access"],
    "summary": "The group was changed."
  },
  "group.deleted": {
    "is": ["streamed", "searched", "ends_subject", "may_end_access"],
    "summary": "The group was deleted."
  },
  "group.restored": {"is": ["searched"], "summary": "A deleted group was restored."},
  "member.joined": {"is": ["streamed"], "summary": "A user became a member."},
  "member.left": {"is": ["streamed", "may_end_access"], "summary": "A membership ended."},
  "member.role_changed": {
    "is": ["streamed", "may_end_access"],
    "summary": "A member has another role."
  },
  "member.banned": {"is": ["streamed", "may_end_access"], "summary": "A user was banned."},
  "member.unbanned": {"is": ["streamed"], "summary": "A ban was lifted."},
  "member.muted": {"is": [], "summary": "A member was muted."},
  "member.unmuted": {"is": [], "summary": "A mute was lifted."},
  "join_request.created": {"is": [], "summary": "A user requested to join."},
  "join_request.approved": {"is": [], "summary": "A request to join was approved."},
  "join_request.denied": {"is": [], "summary": "A request to join was denied."},
  "invite.created": {"is": [], "summary": "An invitation was created."},
  "invite.revoked": {"is": [], "summary": "An invitation was revoked."},
  "tag.created": {"is": [], "summary": "A topic tag was created."},
  "content.removed": {"is": [], "summary": "A batch removed content."},
  "content.restored": {"is": [], "summary": "A batch was undone."},
  "post.purged": {"is": ["searched", "ends_subject"], "summary": "A post was deleted permanently."},
  "comment.purged": {
    "is": ["searched", "ends_subject"],
    "summary": "A comment was deleted permanently."
  },
  "group.purged": {
    "is": ["searched", "ends_subject"],
    "summary": "A group was deleted permanently."
  }
}'::jsonb;
comment on function api.event_registry() is
  'Returns the registry of event types by name: the properties of each type, and a summary (rule '
  '06.1).';

create function api.event_types()
returns table (
  type text, is_streamed boolean, is_searched boolean, ends_subject boolean, may_end_access boolean,
  summary text
)
language sql immutable
begin atomic
  select
    key, value -> 'is' ? 'streamed', value -> 'is' ? 'searched', value -> 'is' ? 'ends_subject',
    value -> 'is' ? 'may_end_access', value ->> 'summary'
  from jsonb_each(api.event_registry())
  order by key;
end;
comment on function api.event_types() is
  'Returns the event types, each with a summary. The flags tell whether the streams receive it, '
  'search receives it, it ends its subject, and a viewer may lose access by it (rule 06.1).';

create function api.stream_of(p_type text, p_subject_type text)
returns text
language sql immutable
return case
  when api.event_registry() -> p_type -> 'is' ? 'streamed'
    then case p_subject_type when 'comment' then 'comm:comment' else 'comm:post' end
end;
comment on function api.stream_of(text, text) is
  'Returns the stream of an event: comm:comment for events on comments, comm:post for the others. '
  'Returns null for a type that members do not receive (rules 06.11 and 06.12).';

create function api.is_searched(p_type text)
returns boolean
language sql immutable
return coalesce(api.event_registry() -> p_type -> 'is' ? 'searched', false);
comment on function api.is_searched(text) is
  'Returns whether events of this type change the results of searches (rule 06.1).';

create function api.wake_workers()
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  -- NOTIFY takes a cluster-wide lock at commit, so a writer sends it only while a consumer is idle.
  if exists (select from outbox_consumer where sleeps_until > now()) then
    notify outbox;
  end if;
end
$$;
comment on function api.wake_workers() is
  'Sends NOTIFY on commit if a consumer is idle (rule 06.4).';

create function api.mark_idle(p_consumer text, p_until timestamptz)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  update outbox_consumer set sleeps_until = p_until where name = p_consumer;
end
$$;
comment on function api.mark_idle(text, timestamptz) is
  'Records the time until which a consumer (search, streams) is idle; -infinity means that it is '
  'busy. An idle consumer looks for events again before it waits, and always waits with a timeout '
  '(rules 06.4 and 06.5).';

create view api.outbox_lags as
select name as consumer, 0::bigint as waiting, 0::bigint as dead, 0::float8 as lag_seconds
from public.outbox_consumer;
comment on view api.outbox_lags is
  'Shape of the lag of a consumer: the numbers of waiting and dead events, and the age of the '
  'oldest waiting event in seconds.';

create function api.measure_outbox()
returns setof api.outbox_lags
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    select
      c.name,
      count(w.id) filter (where f.dead_at is null),
      count(w.id) filter (where f.dead_at is not null),
      coalesce(
        extract(epoch from now() - min(w.created_at) filter (where f.dead_at is null)), 0
      )::float8
    from outbox_consumer as c
    left join lateral (
      select id, created_at from outbox_event where c.name = 'search' and processed_at is null
      union all
      select id, created_at from outbox_event
      where c.name = 'streams' and stream is not null and stream_seq is null
      union all
      select id, created_at from outbox_event
      where c.name = 'streams' and stream_seq is not null and published_at is null
    ) as w on true
    left join outbox_failure as f on f.consumer = c.name and f.event_id = w.id
    group by c.name;
end
$$;
comment on function api.measure_outbox() is 'Returns the lag of each consumer (rule 06.10).';

create function api.prune_outbox(p_older_than interval default '1 day', p_most int default 10000)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_pruned int;
begin
  delete from outbox_event
  where id in (
    select id from outbox_event
    where created_at < now() - p_older_than and processed_at is not null
      and (stream is null or published_at is not null)
    order by created_at limit p_most
    for update skip locked
  );
  get diagnostics v_pruned = row_count;
  return v_pruned;
end
$$;
comment on function api.prune_outbox(interval, int) is
  'Deletes at most p_most events that are older than p_older_than and that every consumer has '
  'finished. Returns the number of deleted events (rule 06.9).';

-- Streams -----------------------------------------------------------------------------------------

create view api.stream_entries as
select
  id as event_id, stream, stream_seq, event_type as type, group_id, payload::json as payload,
  traceparent
from public.outbox_event;
comment on view api.stream_entries is
  'Shape of an event in a stream, where its id is <stream_seq>-0 (rule 06.6).';

create function api.sequence_events(p_most int default 10000)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_last bigint;
  v_assigned int;
begin
  v_last := lock_stream_sequence();
  with waiting as (
    select id, v_last + row_number() over (order by id) as seq
    from (
      select id from outbox_event where stream is not null and stream_seq is null
      order by id limit p_most
    ) as first
  )
  update outbox_event as e set stream_seq = w.seq from waiting as w where e.id = w.id;
  get diagnostics v_assigned = row_count;
  if v_assigned > 0 then
    update stream_sequence set last_seq = v_last + v_assigned;
  end if;
  return v_assigned;
end
$$;
comment on function api.sequence_events(int) is
  'Assigns positions in the streams to waiting events, in the order of their ids. Returns the '
  'number of these events. The caller commits before it publishes, so that no event is published '
  'at two positions (rules 06.6 and 06.7).';

create function api.claim_stream_entries(p_most int default 1000)
returns setof api.stream_entries
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  -- One relay publishes at a time, in the order of positions: Redis rejects an entry whose id is
  -- not above the last one of its stream.
  perform lock_stream_sequence();
  return query
    select
      e.id, e.stream, e.stream_seq, e.event_type, e.group_id,
      json_build_object(
        'event_id', e.stream_seq || '-0', 'type', e.event_type, 'group_id', e.group_id,
        'post_id', e.payload -> 'post_id', 'subject_type', e.aggregate_type,
        'subject_id', e.aggregate_id, 'actor_id', e.payload -> 'actor_id',
        'occurred_at', e.payload -> 'occurred_at', 'data', e.payload -> 'data'
      ),
      e.traceparent
    from outbox_event as e
    where e.stream_seq is not null and e.published_at is null
    order by e.stream_seq limit p_most;
end
$$;
comment on function api.claim_stream_entries(int) is
  'Locks the sequence of the streams and returns the next unpublished events, in the order of '
  'their positions. Other relays wait until this transaction ends (rules 06.3 and 06.7).';

create function api.finish_stream_entries(p_event_ids bigint[])
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  update outbox_event set published_at = now() where id = any (p_event_ids);
end
$$;
comment on function api.finish_stream_entries(bigint[]) is 'Marks events as published (rule 06.2).';

create function api.raise_stream_sequence(p_top bigint)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  -- The gap of one position tells readers of the streams that events were lost.
  update stream_sequence set last_seq = greatest(last_seq, p_top + 1);
  update outbox_event set stream_seq = null where stream_seq is not null and published_at is null;
end
$$;
comment on function api.raise_stream_sequence(bigint) is
  'Moves the sequence past p_top, so that events can be published after a restore from an older '
  'backup. Unpublished events get new positions above it (rule 06.8).';
