-- Reactions: emoji that members put on posts and comments.

create function api.add_reaction(
  p_actor uuid, p_subject_type text, p_subject_id uuid, p_emoji text
)
returns setof api.reactions
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_emoji text := canonical_emoji(p_emoji);
begin
  perform require_actor(p_actor);
  v_standing := require_visible_subject(p_actor, p_subject_type, p_subject_id);
  perform require_rank(v_standing, 'member');
  perform require_not_deleted(v_standing);
  perform reject_invalid(check_emoji('emoji', v_emoji));
  -- One statement, so that the trigger that counts reactions locks the subject last.
  return query
    with written as (
      insert into reaction (group_id, post_id, subject_type, subject_id, user_id, emoji)
      values (
        v_standing.group_id, v_standing.post_id, p_subject_type, p_subject_id, p_actor, v_emoji
      )
      on conflict (subject_type, subject_id, user_id, emoji) do nothing
      returning *
    )
    select w.id, w.subject_type, w.subject_id, w.user_id, w.emoji, w.created_at
    from written as w
    cross join lateral emit(
      'reaction.added', p_actor, w.group_id, w.post_id, w.subject_type, w.subject_id,
      json_build_object(
        'id', w.id, 'subject_type', w.subject_type, 'subject_id', w.subject_id,
        'user_id', w.user_id, 'emoji', w.emoji, 'created_at', w.created_at
      )
    ) as e;
  if not found then
    perform fail('duplicate_reaction');
  end if;
  perform require_emoji_limit(p_subject_type, p_subject_id, v_emoji);
end
$$;
comment on function api.add_reaction(uuid, text, uuid, text) is
  'Adds the actor''s reaction to a post or comment, and emits reaction.added. Requires a member, '
  'who may be muted. Raises unauthenticated, not_found, banned, forbidden, validation_failed, '
  'duplicate_reaction, too_many_emoji (rules 50.1, 50.2 and 50.6).';

create function api.require_emoji_limit(p_subject_type text, p_subject_id uuid, p_emoji text)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  if (
    select count(*) > 32 and bool_or(emoji = p_emoji and count = 1)
    from reaction_count
    where subject_type = p_subject_type and subject_id = p_subject_id
  ) then
    perform fail('too_many_emoji');
  end if;
end
$$;
comment on function api.require_emoji_limit(text, uuid, text) is
  'Raises too_many_emoji if this reaction is the first with its emoji and its subject has more '
  'than 32 emoji. The caller has added the reaction, and so holds the lock on the subject (rule '
  '50.3).';

create function api.remove_reaction(
  p_actor uuid, p_subject_type text, p_subject_id uuid, p_emoji text
)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_emoji text := canonical_emoji(p_emoji);
  v_reaction reaction;
begin
  perform require_actor(p_actor);
  v_standing := require_visible_subject(p_actor, p_subject_type, p_subject_id);
  perform require_not_deleted(v_standing);
  perform lock_reaction_subject(p_subject_type, p_subject_id);
  delete from reaction
  where subject_type = p_subject_type and subject_id = p_subject_id and user_id = p_actor
    and emoji = v_emoji
  returning * into v_reaction;
  if not found then
    perform fail('not_found');
  end if;
  perform emit(
    'reaction.removed', p_actor, v_reaction.group_id, v_reaction.post_id, p_subject_type,
    p_subject_id, removal_data(v_reaction.id, now())
  );
end
$$;
comment on function api.remove_reaction(uuid, text, uuid, text) is
  'Removes the actor''s own reaction, and emits reaction.removed. Raises unauthenticated, '
  'validation_failed, forbidden, and not_found also if the reaction does not exist (rule 50.4).';

create function api.list_reactions(
  p_actor uuid, p_subject_type text, p_subject_id uuid, p_emoji text default null,
  p_limit int default 20, p_before text default null, p_after text default null,
  p_lookahead boolean default false
)
returns setof api.reactions
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan -- the limit would cause a custom plan for each call
as $$
declare
  v_emoji text := canonical_emoji(p_emoji);
  v_page page_request;
begin
  perform require_visible_subject(p_actor, p_subject_type, p_subject_id);
  v_page := parse_page(p_before, p_after, p_limit, p_lookahead, false);
  if v_page.is_ascending then
    return query
      select r.* from reactions as r
      where r.subject_type = p_subject_type and r.subject_id = p_subject_id
        and (v_emoji is null or r.emoji = v_emoji)
        and (r.created_at, r.id) > (v_page.created_at, v_page.id)
      order by r.created_at, r.id limit v_page.max_rows;
  else
    return query
      select q.* from (
        select r.* from reactions as r
        where r.subject_type = p_subject_type and r.subject_id = p_subject_id
          and (v_emoji is null or r.emoji = v_emoji)
          and (r.created_at, r.id) < (v_page.created_at, v_page.id)
        order by r.created_at desc, r.id desc limit v_page.max_rows
      ) as q
      order by q.created_at, q.id;
  end if;
end
$$;
comment on function api.list_reactions(uuid, text, uuid, text, int, text, text, boolean) is
  'Returns a page of the reactions to a post or comment, oldest first. p_emoji selects one emoji. '
  'p_lookahead adds the first row of the next page. Raises not_found, validation_failed, '
  'invalid_cursor (rule 50.5).';

create function api.summarise_reactions(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns json
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_visible_subject(p_actor, p_subject_type, p_subject_id);
  return reactions_of(p_subject_type, p_subject_id, viewer(p_actor), 100);
end
$$;
comment on function api.summarise_reactions(uuid, text, uuid) is
  'Counts the reactions to a post or comment by emoji, most used first: '
  '[{"emoji","count","reacted"}]. Raises not_found, validation_failed (rule 50.5).';
