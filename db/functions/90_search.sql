-- Search: the documents of the index, the events that it has processed, and the visibility of its
-- hits.
--
-- The indexer writes the current state of each event's subject, not the event. The version of a
-- document grows with each change, so that the index ignores repeated and late writes. A hit is
-- only a candidate: the functions below decide from the tables whether the actor may see it.

-- Versions ----------------------------------------------------------------------------------------

create function api.tg_search__version()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  new.version := nextval('row_version');
  return new;
end
$$;
comment on function api.tg_search__version() is
  'Assigns a new version to a row whose document changes. The lock on the row makes its versions '
  'ascend (rule 90.14).';

create trigger tg_group_entity__version before update on public.group_entity
for each row
when (
  (old.name, old.description, old.tags, old.deleted_at)
  is distinct from (new.name, new.description, new.tags, new.deleted_at)
)
execute function api.tg_search__version();

create trigger tg_post__version before update on public.post
for each row
when (
  (old.title, old.body, old.topic_tags, old.deleted_at)
  is distinct from (new.title, new.body, new.topic_tags, new.deleted_at)
  and (old.deleted_at is null or new.deleted_at is null) -- a deleted row keeps its tombstone
)
execute function api.tg_search__version();

create trigger tg_comment__version before update on public.comment
for each row
when (
  (old.body, old.deleted_at) is distinct from (new.body, new.deleted_at)
  and (old.deleted_at is null or new.deleted_at is null)
)
execute function api.tg_search__version();

-- Documents ---------------------------------------------------------------------------------------

create view api.search_documents as
select 'post'::text as kind, id, version, false as deleted, '{}'::json as document
from public.post;
comment on view api.search_documents is
  'Shape of the document of a row in the index. A deleted row has a tombstone: OpenSearch soon '
  'forgets the version of a deleted document, and would accept an older one.';

create function api.document_tombstone(p_kind text, p_id uuid, p_version bigint)
returns json
language sql immutable
return json_build_object('kind', p_kind, 'id', p_id, 'version', p_version, 'deleted', true);
comment on function api.document_tombstone(text, uuid, bigint) is
  'Returns the document of a deleted row, which no search matches (rule 90.8).';

create function api.group_document(p_row public.group_entity)
returns setof api.search_documents
language sql stable rows 1
begin atomic
  select
    'group', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null
        then api.document_tombstone('group', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'group', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.id, 'author_id', p_row.created_by, 'name', p_row.name,
        'description', p_row.description, 'tags', p_row.tags, 'created_at', p_row.created_at
      )
    end;
end;
comment on function api.group_document(public.group_entity) is
  'Returns the document of a group (rule 90.8).';

create function api.post_document(p_row public.post)
returns setof api.search_documents
language sql stable rows 1
begin atomic
  select
    'post', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null
        then api.document_tombstone('post', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'post', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.group_id, 'post_id', p_row.id, 'author_id', p_row.author_id,
        'title', p_row.title, 'body', p_row.body, 'tags', p_row.topic_tags,
        'created_at', p_row.created_at
      )
    end;
end;
comment on function api.post_document(public.post) is 'Returns the document of a post (rule 90.8).';

create function api.comment_document(p_row public.comment)
returns setof api.search_documents
language sql stable rows 1
begin atomic
  select
    'comment', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null
        then api.document_tombstone('comment', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'comment', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.group_id, 'post_id', p_row.post_id, 'author_id', p_row.author_id,
        'body', p_row.body, 'created_at', p_row.created_at
      )
    end;
end;
comment on function api.comment_document(public.comment) is
  'Returns the document of a comment (rule 90.8).';

create function api.find_search_documents(
  p_kind text, p_after uuid default null, p_most int default 1000
)
returns setof api.search_documents
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_after uuid := viewer(p_after);
begin
  perform reject_invalid(check_choice('kind', p_kind, 'group', 'post', 'comment'));
  if p_kind = 'group' then
    return query
      select s.* from (
        select * from group_entity where id > v_after order by id limit p_most
      ) as g cross join lateral group_document(g) as s;
  elsif p_kind = 'post' then
    return query
      select s.* from (
        select * from post where id > v_after order by id limit p_most
      ) as p cross join lateral post_document(p) as s;
  else
    return query
      select s.* from (
        select * from comment where id > v_after order by id limit p_most
      ) as c cross join lateral comment_document(c) as s;
  end if;
end
$$;
comment on function api.find_search_documents(text, uuid, int) is
  'Returns at most p_most documents of groups, posts or comments after an id, ordered by id. '
  'Raises validation_failed (rule 90.8).';

create function api.tg_search__purge()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_kind text := tg_argv[0];
begin
  if v_kind = 'group' then
    perform emit('group.purged', null, o.id, null, v_kind, o.id, removal_data(o.id, now()))
    from old_rows as o;
  else
    perform emit(
      v_kind || '.purged', null, o.group_id, null, v_kind, o.id, removal_data(o.id, now())
    ) from old_rows as o;
  end if;
  return null;
end
$$;
comment on function api.tg_search__purge() is
  'Emits the event that replaces the document of a hard-deleted group, post or comment by a '
  'tombstone (rule 90.11).';

create trigger tg_group_entity__purge after delete on public.group_entity
referencing old table as old_rows
for each statement execute function api.tg_search__purge('group');

create trigger tg_post__purge after delete on public.post
referencing old table as old_rows
for each statement execute function api.tg_search__purge('post');

create trigger tg_comment__purge after delete on public.comment
referencing old table as old_rows
for each statement execute function api.tg_search__purge('comment');

-- Events ------------------------------------------------------------------------------------------

create view api.search_tasks as
select
  '{}'::bigint[] as event_ids, aggregate_type as kind, aggregate_id as id, 0::bigint as version,
  '{}'::json as document, '{}'::text[] as traceparents
from public.outbox_event;
comment on view api.search_tasks is
  'Shape of a document to be written, and the events that this write finishes.';

create function api.claim_search_events(p_most int)
returns bigint[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  return array(
    select e.id
    from outbox_event as e
    left join outbox_failure as f on f.consumer = 'search' and f.event_id = e.id
    where e.processed_at is null
      and (f.event_id is null or (f.dead_at is null and f.next_attempt_at <= now()))
    order by e.id limit p_most
    for update of e skip locked
  );
end
$$;
comment on function api.claim_search_events(int) is
  'Locks the first p_most events that search has not processed, and returns their ids. Skips '
  'events that another indexer has locked, dead events, and failed events until their next attempt '
  'is due (rules 90.10 and 90.15).';

create function api.claim_search_tasks(p_most int default 500)
returns setof api.search_tasks
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_claimed bigint[] := claim_search_events(p_most);
begin
  -- This statement reads the rows after the claim, so that they are at least as new as the events.
  return query
    with subjects as (
      select
        array_agg(e.id order by e.id) as event_ids, e.aggregate_type as kind, e.aggregate_id as id,
        coalesce(
          array_agg(e.traceparent) filter (where e.traceparent is not null), '{}'
        ) as traceparents
      from outbox_event as e where e.id = any (v_claimed)
      group by e.aggregate_type, e.aggregate_id
    ),
    -- A hard-deleted row has no version; the next one exceeds every version that it had.
    tasks as (
      select
        s.*, d.document,
        case when d.id is null then nextval('row_version') else d.version end as version
      from subjects as s
      left join current_documents((select array_agg(id) from subjects)) as d
        on (d.kind, d.id) = (s.kind, s.id)
    )
    select
      t.event_ids, t.kind, t.id, t.version,
      coalesce(t.document, document_tombstone(t.kind, t.id, t.version)), t.traceparents
    from tasks as t
    order by t.event_ids[1];
end
$$;
comment on function api.claim_search_tasks(int) is
  'Claims the first p_most events that search has not processed, and returns the current document '
  'of each subject. Other indexers skip these events until this transaction ends. Dead events are '
  'omitted, and failed events until their next attempt is due (rules 90.10 and 90.15).';

create function api.current_documents(p_ids uuid[])
returns setof api.search_documents
language sql stable
begin atomic
  select d.* from public.group_entity as g cross join lateral api.group_document(g) as d
  where g.id = any (p_ids)
  union all
  select d.* from public.post as p cross join lateral api.post_document(p) as d
  where p.id = any (p_ids)
  union all
  select d.* from public.comment as c cross join lateral api.comment_document(c) as d
  where c.id = any (p_ids);
end;
comment on function api.current_documents(uuid[]) is
  'Returns the documents of the groups, posts and comments with these ids (rule 90.15).';

create function api.finish_search_events(p_event_ids bigint[])
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  delete from outbox_failure where consumer = 'search' and event_id = any (p_event_ids);
  update outbox_event set processed_at = now() where id = any (p_event_ids);
end
$$;
comment on function api.finish_search_events(bigint[]) is
  'Marks events as processed by search (rule 90.15).';

create function api.fail_search_events(p_event_ids bigint[], p_error text)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_dead int;
begin
  with failed as (
    insert into outbox_failure as f (consumer, event_id, attempts, next_attempt_at, last_error)
    select 'search', id, 1, now() + interval '1 second', left(p_error, 2000)
    from unnest(p_event_ids) as id
    on conflict (consumer, event_id) do update set
      attempts = f.attempts + 1,
      next_attempt_at = now() + interval '1 second' * 2 ^ f.attempts,
      last_error = excluded.last_error,
      dead_at = case when f.attempts + 1 >= 5 then now() end
    returning dead_at
  )
  select count(dead_at) into v_dead from failed;
  return v_dead;
end
$$;
comment on function api.fail_search_events(bigint[], text) is
  'Records that the index rejects the document of these events. They are retried after 1, 2, 4 and '
  '8 seconds and are dead after the fifth failure. Returns the number of dead events (rule 90.10).';

-- Dead letters ------------------------------------------------------------------------------------

create view api.dead_events as
select
  e.id, f.consumer, e.event_type as type, e.aggregate_type as subject_type,
  e.aggregate_id as subject_id, e.group_id, f.attempts, f.last_error as error, e.created_at,
  f.dead_at
from public.outbox_failure as f
join public.outbox_event as e on e.id = f.event_id;
comment on view api.dead_events is 'Shape of an event that a consumer no longer retries.';

create function api.list_dead_events(
  p_consumer text, p_after bigint default 0, p_most int default 1000
)
returns setof api.dead_events
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_consumer(p_consumer);
  return query
    select d.* from dead_events as d
    where d.consumer = p_consumer and d.dead_at is not null and d.id > p_after
    order by d.id limit p_most;
end
$$;
comment on function api.list_dead_events(text, bigint, int) is
  'Returns at most p_most dead events of a consumer after an id, with their last error. Raises '
  'validation_failed (rule 90.13).';

create function api.require_consumer(p_consumer text)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(check_choice('consumer', p_consumer, 'search', 'streams'));
end
$$;
comment on function api.require_consumer(text) is
  'Raises validation_failed unless this is a consumer of the outbox.';

create function api.delete_dead_failures(p_consumer text, p_event_ids bigint[])
returns bigint[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_event_ids bigint[];
begin
  perform require_consumer(p_consumer);
  with deleted as (
    delete from outbox_failure
    where consumer = p_consumer and dead_at is not null
      and (p_event_ids is null or event_id = any (p_event_ids))
    returning event_id
  )
  select coalesce(array_agg(event_id), '{}') into v_event_ids from deleted;
  return v_event_ids;
end
$$;
comment on function api.delete_dead_failures(text, bigint[]) is
  'Deletes the failures of these dead events, or of all when p_event_ids is null. Returns the ids '
  'of the events. Raises validation_failed.';

create function api.replay_dead_events(p_consumer text, p_event_ids bigint[] default null)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_replayed bigint[] := delete_dead_failures(p_consumer, p_event_ids);
begin
  perform wake_workers();
  return cardinality(v_replayed);
end
$$;
comment on function api.replay_dead_events(text, bigint[]) is
  'Makes these dead events, or all, pending again for their consumer. Returns the number of '
  'replayed events. Raises validation_failed (rule 90.13).';

create function api.discard_dead_events(p_consumer text, p_event_ids bigint[] default null)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_discarded bigint[] := delete_dead_failures(p_consumer, p_event_ids);
begin
  if p_consumer = 'search' then
    update outbox_event set processed_at = now() where id = any (v_discarded);
  else
    update outbox_event set published_at = now() where id = any (v_discarded);
  end if;
  return cardinality(v_discarded);
end
$$;
comment on function api.discard_dead_events(text, bigint[]) is
  'Marks these dead events, or all, as processed without processing them. Returns the number of '
  'discarded events. Raises validation_failed (rule 90.13).';

-- Searches ----------------------------------------------------------------------------------------

create view api.search_requests as
select
  ''::text as q, null::text as type, null::uuid as group_id, null::text as tag, 20 as most,
  null::float8 as after_score, null::bigint as after_version;
comment on view api.search_requests is
  'Shape of a validated search; after_score and after_version are its cursor, null on the first '
  'page.';

create function api.search_cursor(p_score json, p_version bigint)
returns text
language sql immutable
return translate(
  encode(convert_to((p_score #>> '{}') || '|' || p_version, 'UTF8'), 'base64'), E'+/=\n', '-_'
);
comment on function api.search_cursor(json, bigint) is
  'Returns the cursor of a hit: base64url of its score, | and its version, which do not reveal its '
  'id (rule 90.7).';

create function api.parse_search_cursor(p_cursor text)
returns text[]
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
declare
  v_padded text := translate(p_cursor, '-_', '+/') || repeat('=', -char_length(p_cursor) & 3);
  v_parts text[];
begin
  if p_cursor ~ '^[A-Za-z0-9_-]{4,60}$' and char_length(p_cursor) % 4 <> 1 then
    v_parts := regexp_match(
      encode(decode(v_padded, 'base64'), 'escape'), '^(\d[\d.eE+-]{0,24})\|(\d{1,18})$'
    );
  end if;
  if v_parts is null or not pg_input_is_valid(v_parts[1], 'float4') then
    perform fail('invalid_cursor');
  end if;
  return v_parts;
end
$$;
comment on function api.parse_search_cursor(text) is
  'Returns the score and the version in a cursor. Raises invalid_cursor (rule 90.17).';

create function api.parse_search(
  p_actor uuid, p_q text, p_type text default null, p_group_id uuid default null,
  p_tag text default null, p_limit int default 20, p_cursor text default null
)
returns setof api.search_requests
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_q text := clean_text(p_q);
  v_after text[];
begin
  perform reject_invalid(
    check_text('q', v_q, 1, 200),
    case when p_type is not null then check_choice('type', p_type, 'post', 'comment', 'group') end,
    check_limit(p_limit)
  );
  if p_cursor is not null then
    v_after := parse_search_cursor(p_cursor);
  end if;
  return query
    select
      v_q, p_type, p_group_id, fold_tag(p_tag), p_limit, v_after[1]::float8,
      v_after[2]::bigint;
end
$$;
comment on function api.parse_search(uuid, text, text, uuid, text, int, text) is
  'Validates a search: trims the words, folds the tag and decodes the cursor. Any caller may '
  'search. Raises validation_failed, invalid_cursor (rules 90.1, 90.12, 90.16 and 90.17).';

create view api.visible_hits as
select 0 as nr, '{}'::json as item, ''::text as cursor;
comment on view api.visible_hits is
  'Shape of a hit that the actor may see: its position, its item in the answer, and the cursor '
  'after it.';

create function api.find_visible_hits(p_actor uuid, p_hits json, p_most int default 100)
returns setof api.visible_hits
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    with visible as materialized (
      select
        h.nr, h.kind, h.id, h.version, h.score,
        -- Highlights of an older version may show text that was edited away.
        case
          when h.version = coalesce(c.version, p.version, g.version) then h.highlights else '{}'
        end as highlights
      from rows from (
        json_to_recordset(p_hits)
          as (kind text, id uuid, version bigint, score json, highlights json)
      ) with ordinality as h (kind, id, version, score, highlights, nr)
      left join comment as c on h.kind = 'comment' and c.id = h.id and c.deleted_at is null
      left join post as p
        on p.id = case h.kind when 'post' then h.id when 'comment' then c.post_id end
        and p.deleted_at is null
      join group_entity as g
        on g.id = case h.kind when 'group' then h.id else p.group_id end and g.deleted_at is null
      left join member_standing as m on m.group_id = g.id and m.user_id = p_actor
      where is_visible(g.visibility, m.role, false)
        or (h.kind = 'group' and g.visibility = 'private')
      order by h.nr limit p_most
    )
    select
      v.nr::int,
      json_build_object(
        'type', v.kind, 'score', v.score, 'highlights', v.highlights,
        v.kind, hit_shape(v.kind, v.id, viewer(p_actor))
      ),
      search_cursor(v.score, v.version)
    from visible as v
    order by v.nr;
end
$$;
comment on function api.find_visible_hits(uuid, json, int) is
  'Returns the first p_most of the hits {kind, id, version, score, highlights} that the actor may '
  'see, in their order. These are public content, content of the actor''s groups, and cards of '
  'private groups. Deleted content is never visible here. Drops the highlights of a hit that does '
  'not have the current version (rules 90.1, 90.2, 90.3 and 90.4).';

create function api.find_hidden_parents(p_actor uuid, p_group_ids uuid[], p_post_ids uuid[])
returns setof uuid
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query
    select g.id
    from group_entity as g
    left join member_standing as m on m.group_id = g.id and m.user_id = p_actor
    where g.id = any (p_group_ids)
      and not (g.deleted_at is null and is_visible(g.visibility, m.role, false))
    union all
    select id from post where id = any (p_post_ids) and deleted_at is not null;
end
$$;
comment on function api.find_hidden_parents(uuid, uuid[], uuid[]) is
  'Returns those of the groups and posts whose content the actor cannot find, so that the next '
  'round of a search can exclude them (rule 90.18).';

create function api.hit_shape(p_kind text, p_id uuid, p_viewer uuid)
returns json
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return case p_kind
    when 'post' then (
      select row_to_json(d) from post as p cross join lateral post_shape(p, p_viewer) as d
      where p.id = p_id
    )
    when 'comment' then (
      select row_to_json(d) from comment as c cross join lateral comment_shape(c, p_viewer) as d
      where c.id = p_id
    )
    when 'group' then (
      select row_to_json(d) from group_entity as g cross join lateral group_shape(g, p_viewer) as d
      where g.id = p_id
    )
  end;
end
$$;
comment on function api.hit_shape(text, uuid, uuid) is
  'Returns a post, comment or group as JSON for a viewer; the caller has checked that the viewer '
  'may see it (rule 90.4).';
