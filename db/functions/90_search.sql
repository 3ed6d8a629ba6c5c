-- Search (§5; design §4). The index is told by the outbox: for each event it gets the state that its
-- subject has by now, under a version that grows with the row, so that a repeat or a detour is
-- harmless. A query only proposes: who may see what it has found is decided here, from the tables.

create function api.tg_group_entity__version()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  new.version := nextval('row_version');
  return new;
end
$$;
comment on function api.tg_group_entity__version() is
  'What is searched of a group has a new version. The row is locked by now, so its versions grow (§5).';

create trigger tg_group_entity__version before update on public.group_entity
for each row
when (
  (old.name, old.description, old.tags, old.deleted_at)
  is distinct from (new.name, new.description, new.tags, new.deleted_at)
)
execute function api.tg_group_entity__version();

create function api.tg_post__version()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  new.version := nextval('row_version');
  return new;
end
$$;
comment on function api.tg_post__version() is
  'What is searched of a post has a new version. The row is locked by now, so its versions grow (§5).';

create trigger tg_post__version before update on public.post
for each row
when (
  (old.title, old.body, old.topic_tags, old.deleted_at)
  is distinct from (new.title, new.body, new.topic_tags, new.deleted_at)
  and (old.deleted_at is null or new.deleted_at is null) -- of a deleted one there is a tombstone
)
execute function api.tg_post__version();

create function api.tg_comment__version()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  new.version := nextval('row_version');
  return new;
end
$$;
comment on function api.tg_comment__version() is
  'What is searched of a comment has a new version. The row is locked by now, so its versions grow (§5).';

create trigger tg_comment__version before update on public.comment
for each row
when (
  (old.body, old.deleted_at) is distinct from (new.body, new.deleted_at)
  and (old.deleted_at is null or new.deleted_at is null)
)
execute function api.tg_comment__version();

-- What the index holds -----------------------------------------------------------------------------

create view api.searchables as
select 'post'::text as kind, id, version, false as deleted, '{}'::json as document
from public.post;
comment on view api.searchables is
  'Shape of what the index holds of a row: of a deleted one a tombstone, for OpenSearch forgets the '
  'version of what is really deleted (§5).';

create function api.tombstone(p_kind text, p_id uuid, p_version bigint)
returns json
language sql immutable
return json_build_object('kind', p_kind, 'id', p_id, 'version', p_version, 'deleted', true);
comment on function api.tombstone(text, uuid, bigint) is
  'What the index holds of something deleted: nothing that could be found (§5).';

create function api.group_searchable(p_row public.group_entity)
returns setof api.searchables
language sql stable rows 1
begin atomic
  select
    'group', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null then api.tombstone('group', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'group', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.id, 'author_id', p_row.created_by, 'name', p_row.name,
        'description', p_row.description, 'tags', p_row.tags, 'created_at', p_row.created_at
      )
    end;
end;
comment on function api.group_searchable(public.group_entity) is 'A group as the index has it (§5).';

create function api.post_searchable(p_row public.post)
returns setof api.searchables
language sql stable rows 1
begin atomic
  select
    'post', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null then api.tombstone('post', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'post', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.group_id, 'post_id', p_row.id, 'author_id', p_row.author_id,
        'title', p_row.title, 'body', p_row.body, 'tags', p_row.topic_tags,
        'created_at', p_row.created_at
      )
    end;
end;
comment on function api.post_searchable(public.post) is 'A post as the index has it (§5).';

create function api.comment_searchable(p_row public.comment)
returns setof api.searchables
language sql stable rows 1
begin atomic
  select
    'comment', p_row.id, p_row.version, p_row.deleted_at is not null,
    case
      when p_row.deleted_at is not null then api.tombstone('comment', p_row.id, p_row.version)
      else json_build_object(
        'kind', 'comment', 'id', p_row.id, 'version', p_row.version, 'deleted', false,
        'group_id', p_row.group_id, 'post_id', p_row.post_id, 'author_id', p_row.author_id,
        'body', p_row.body, 'created_at', p_row.created_at
      )
    end;
end;
comment on function api.comment_searchable(public.comment) is 'A comment as the index has it (§5).';

create function api.find_searchables(p_kind text, p_after uuid default null, p_most int default 1000)
returns setof api.searchables
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
      ) as g cross join lateral group_searchable(g) as s;
  elsif p_kind = 'post' then
    return query
      select s.* from (
        select * from post where id > v_after order by id limit p_most
      ) as p cross join lateral post_searchable(p) as s;
  else
    return query
      select s.* from (
        select * from comment where id > v_after order by id limit p_most
      ) as c cross join lateral comment_searchable(c) as s;
  end if;
end
$$;
comment on function api.find_searchables(text, uuid, int) is
  'What the index is to hold of the groups, posts or comments after an id, in the order of their ids; '
  'at most p_most. Raises validation_failed (§5).';

create function api.tg_group_entity__purge()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  perform emit(
    'group.purged', null, o.id, null, 'group', o.id, removal_data(o.id, now())
  ) from old_rows as o;
  return null;
end
$$;
comment on function api.tg_group_entity__purge() is
  'A group that is deleted for good leaves the index: an event that search alone is given (§5).';

create trigger tg_group_entity__purge after delete on public.group_entity
referencing old table as old_rows
for each statement execute function api.tg_group_entity__purge();

create function api.tg_post__purge()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  perform emit(
    'post.purged', null, o.group_id, null, 'post', o.id, removal_data(o.id, now())
  ) from old_rows as o;
  return null;
end
$$;
comment on function api.tg_post__purge() is
  'A post that is deleted for good leaves the index: an event that search alone is given (§5).';

create trigger tg_post__purge after delete on public.post
referencing old table as old_rows
for each statement execute function api.tg_post__purge();

create function api.tg_comment__purge()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  perform emit(
    'comment.purged', null, o.group_id, null, 'comment', o.id, removal_data(o.id, now())
  ) from old_rows as o;
  return null;
end
$$;
comment on function api.tg_comment__purge() is
  'A comment that is deleted for good leaves the index: an event that search alone is given (§5).';

create trigger tg_comment__purge after delete on public.comment
referencing old table as old_rows
for each statement execute function api.tg_comment__purge();

-- The events ---------------------------------------------------------------------------------------

create view api.search_tasks as
select
  '{}'::bigint[] as event_ids, aggregate_type as kind, aggregate_id as id, 0::bigint as version,
  '{}'::json as document, '{}'::text[] as traceparents
from public.outbox_event;
comment on view api.search_tasks is
  'Shape of a subject to be indexed, and of the events that are done by that.';

create function api.claim_search_tasks(p_most int default 500)
returns setof api.search_tasks
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_claimed bigint[] := array(
    select e.id
    from outbox_event as e
    left join outbox_failure as f on f.consumer = 'search' and f.event_id = e.id
    where e.processed_at is null
      and (f.event_id is null or (f.dead_at is null and f.next_attempt_at <= now()))
    order by e.id limit p_most
    for update of e skip locked
  );
begin
  -- The rows are read after the claim: they are at least as new as the events.
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
    states as (
      select x.* from group_entity as g cross join lateral group_searchable(g) as x
      where g.id in (select s.id from subjects as s where s.kind = 'group')
      union all
      select x.* from post as p cross join lateral post_searchable(p) as x
      where p.id in (select s.id from subjects as s where s.kind = 'post')
      union all
      select x.* from comment as c cross join lateral comment_searchable(c) as x
      where c.id in (select s.id from subjects as s where s.kind = 'comment')
    ),
    -- A row that is gone for good has no version any more; a new one is above all that it had.
    versions as (
      select s.event_ids, s.kind, s.id, s.traceparents, x.document,
        case when x.id is null then nextval('row_version') else x.version end as version
      from subjects as s left join states as x on (x.kind, x.id) = (s.kind, s.id)
    )
    select
      v.event_ids, v.kind, v.id, v.version, coalesce(v.document, tombstone(v.kind, v.id, v.version)),
      v.traceparents
    from versions as v
    order by v.event_ids[1];
end
$$;
comment on function api.claim_search_tasks(int) is
  'The subjects of the first p_most events that search has before it, each with its present state; no '
  'other indexer has these events until this transaction ends. Dead events, and those that failed just '
  'now, are left out (§5).';

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
comment on function api.finish_search_events(bigint[]) is 'Notes that the index has these events (§5).';

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
  'Notes that the index refuses these events for what they are. They are tried again after 1, 2, 4 and 8 '
  'seconds, and are dead after the fifth time; how many are now (§5).';

-- Dead letters -------------------------------------------------------------------------------------

create view api.dead_events as
select
  e.id, f.consumer, e.event_type as type, e.aggregate_type as subject_type,
  e.aggregate_id as subject_id, e.group_id, f.attempts, f.last_error as error, e.created_at, f.dead_at
from public.outbox_failure as f
join public.outbox_event as e on e.id = f.event_id;
comment on view api.dead_events is 'Shape of an event that a consumer has given up.';

create function api.list_dead_events(
  p_consumer text, p_after bigint default 0, p_most int default 1000
)
returns setof api.dead_events
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform reject_invalid(check_choice('consumer', p_consumer, 'search', 'streams'));
  return query
    select d.* from dead_events as d
    where d.consumer = p_consumer and d.dead_at is not null and d.id > p_after
    order by d.id limit p_most;
end
$$;
comment on function api.list_dead_events(text, bigint, int) is
  'The events that a consumer has given up, with the last error, after an id; at most p_most. Raises '
  'validation_failed (§5).';

create function api.replay_dead_events(p_consumer text, p_event_ids bigint[] default null)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_replayed int;
begin
  perform reject_invalid(check_choice('consumer', p_consumer, 'search', 'streams'));
  delete from outbox_failure
  where consumer = p_consumer and dead_at is not null
    and (p_event_ids is null or event_id = any (p_event_ids));
  get diagnostics v_replayed = row_count;
  perform wake_workers();
  return v_replayed;
end
$$;
comment on function api.replay_dead_events(text, bigint[]) is
  'Gives dead events, all of them or these, to their consumer again as if they were new; how many. Raises '
  'validation_failed (§5).';

create function api.discard_dead_events(p_consumer text, p_event_ids bigint[] default null)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_discarded bigint[];
begin
  perform reject_invalid(check_choice('consumer', p_consumer, 'search', 'streams'));
  with discarded as (
    delete from outbox_failure
    where consumer = p_consumer and dead_at is not null
      and (p_event_ids is null or event_id = any (p_event_ids))
    returning event_id
  )
  select coalesce(array_agg(event_id), '{}') into v_discarded from discarded;
  if p_consumer = 'search' then
    update outbox_event set processed_at = now() where id = any (v_discarded);
  else
    update outbox_event set published_at = now() where id = any (v_discarded);
  end if;
  return cardinality(v_discarded);
end
$$;
comment on function api.discard_dead_events(text, bigint[]) is
  'Takes dead events, all of them or these, as done, although their consumer has not got them; how many. '
  'Raises validation_failed (§5).';

-- Who finds what -----------------------------------------------------------------------------------

create view api.searches as
select
  ''::text as q, null::text as type, null::uuid as group_id, null::text as tag, 20 as most,
  null::float8 as after_score, null::bigint as after_version;
comment on view api.searches is
  'Shape of a search whose words are clean; after_… is the place of its cursor, null at the beginning.';

create function api.search_cursor(p_score json, p_version bigint)
returns text
language sql immutable
return translate(
  encode(convert_to((p_score #>> '{}') || '|' || p_version, 'UTF8'), 'base64'), E'+/=\n', '-_'
);
comment on function api.search_cursor(json, bigint) is
  'The cursor of a hit: base64url of its score, | and its version, which tells nothing of what it is '
  '(§7).';

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
  'The score and the version that a cursor of a search names. Raises invalid_cursor (§7).';

create function api.begin_search(
  p_actor uuid, p_q text, p_type text default null, p_group_id uuid default null,
  p_tag text default null, p_limit int default 20, p_cursor text default null
)
returns setof api.searches
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
    case when p_limit is null or p_limit not between 1 and 100
      then field_error('limit', 'is not between 1 and 100') end
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
comment on function api.begin_search(uuid, text, text, uuid, text, int, text) is
  'A search as the index is to be asked: words trimmed, tag folded, cursor read. Anyone may search. '
  'Raises validation_failed, invalid_cursor (§5, §8).';

create view api.visible_hits as
select 0 as nr, '{}'::json as item, ''::text as cursor;
comment on view api.visible_hits is
  'Shape of a hit that the actor may see: its place among the hits, what the answer tells of it, and the '
  'cursor that goes on after it.';

create function api.find_visible(p_actor uuid, p_hits json, p_most int default 100)
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
        -- Words of another version may be words that were taken back.
        case when h.version = coalesce(c.version, p.version, g.version) then h.highlights else '{}' end
          as highlights
      from rows from (
        json_to_recordset(p_hits) as (kind text, id uuid, version bigint, score json, highlights json)
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
        v.kind, found_shape(v.kind, v.id, viewer(p_actor))
      ),
      search_cursor(v.score, v.version)
    from visible as v
    order by v.nr;
end
$$;
comment on function api.find_visible(uuid, json, int) is
  'Which of the hits (kind, id, version, score, highlights) the actor may see, in their order, with their '
  'shapes: what is public, what is in the actor''s groups, and the card of a private group. What is '
  'deleted, or inside something deleted, nobody finds; highlights are kept while the version is the '
  'row''s own (§2, §5).';

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
  'In which of these groups and posts the actor finds nothing: a search that has met them needs to be '
  'proposed nothing more that is in one (§2, §5).';

create function api.found_shape(p_kind text, p_id uuid, p_viewer uuid)
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
comment on function api.found_shape(text, uuid, uuid) is
  'A post, comment or group as the viewer sees it, whose caller has found that the viewer may (§3.2).';
