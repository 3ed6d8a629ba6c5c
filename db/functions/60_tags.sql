-- Topic tags. A tag that only private or secret groups use is not stored, because it would reveal
-- their content (rule 60.2).

create function api.create_tag(p_actor uuid, p_tag text)
returns setof api.tags
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_tag text := fold_tag(p_tag);
  v_row tags;
begin
  perform require_actor(p_actor);
  perform reject_invalid(check_tag('tag', v_tag));
  insert into topic_tag (tag) values (v_tag)
  on conflict (tag) do nothing
  returning id, tag, posts_count, created_at into v_row;
  if not found then
    perform fail('duplicate_tag');
  end if;
  perform record('tag.created', p_actor, null, null, 'tag', v_row.id, row_to_json(v_row));
  return next v_row;
end
$$;
comment on function api.create_tag(uuid, text) is
  'Creates a topic tag, and emits tag.created. Requires an authenticated user. Raises '
  'unauthenticated, validation_failed, duplicate_tag (rule 60.1).';

create function api.list_tags(
  p_actor uuid, p_q text default null, p_limit int default 20,
  p_before text default null, p_after text default null, p_lookahead boolean default false
)
returns setof api.tags
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_custom_plan -- the prefix and the direction decide which index serves
as $$
declare
  v_prefix text := fold_tag(p_q);
  v_page page_request := parse_page(p_before, p_after, p_limit, p_lookahead, false);
begin
  return query
    select p.* from (
      select t.* from tags as t
      where (v_prefix is null or t.tag ^@ v_prefix)
        and is_on_page(t.created_at, t.id, v_page)
      order by
        case when v_page.is_ascending then t.created_at end,
        case when v_page.is_ascending then t.id end,
        t.created_at desc, t.id desc
      limit v_page.max_rows
    ) as p
    order by p.created_at, p.id;
end
$$;
comment on function api.list_tags(uuid, text, int, text, text, boolean) is
  'Returns a page of the topic tags, oldest first. p_q is a prefix, which is folded like a tag. '
  'p_lookahead adds the first row of the next page. Raises validation_failed, invalid_cursor (rule '
  '60.3).';
