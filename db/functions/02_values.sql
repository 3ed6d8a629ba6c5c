-- Values: how texts, tags, emoji, cursors and page sizes are cleaned and checked (§7, §8).
-- A check_… function answers null when the value is right and a field error when it is not.
--
-- A function in SQL is as volatile as the most volatile one that it calls, and has no sub-select:
-- only then does the planner inline it. Otherwise PostgreSQL 16 and 17 plan it anew in each
-- transaction, which takes ten times as long as what it does.

create function api.trim_text(p_text text)
returns text
language sql immutable
return btrim(
  p_text,
  E'\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005'
  '\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'
);
comment on function api.trim_text(text) is 'The text without Unicode white space at its ends (§8).';

create function api.check_text(p_field text, p_value text, p_min int, p_max int)
returns json
language sql stable
return case
  when p_min > 0 and coalesce(p_value, '') = '' then api.field_error(p_field, 'is required')
  when char_length(p_value) < p_min
    then api.field_error(p_field, format('has fewer than %s characters', p_min))
  when char_length(p_value) > p_max
    then api.field_error(p_field, format('has more than %s characters', p_max))
end;
comment on function api.check_text(text, text, int, int) is
  'Field error unless the text has p_min to p_max characters, counted in code points (§8).';

create function api.check_choice(p_field text, p_value text, variadic p_choices text[])
returns json
language sql stable
return case
  when p_value is null then api.field_error(p_field, 'is required')
  when p_value <> all (p_choices)
    then api.field_error(p_field, 'is none of ' || array_to_string(p_choices, ', '))
end;
comment on function api.check_choice(text, text, text[]) is
  'Field error unless the value is one of the choices (§8).';

create function api.check_future(p_field text, p_value timestamptz)
returns json
language sql stable
return case
  when p_value <= now() or not isfinite(p_value) then api.field_error(p_field, 'is not in the future')
end;
comment on function api.check_future(text, timestamptz) is
  'Field error when a time is given that has passed or never comes (§8).';

create function api.fold_tags(p_tags text[])
returns text[]
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
begin
  if p_tags is null or p_tags = '{}' then
    return '{}';
  end if;
  return array(
    select t.tag
    from (
      select lower(trim_text(raw)) as tag, min(nr) as nr
      from unnest(p_tags) with ordinality as given (raw, nr)
      group by 1
    ) as t
    order by t.nr
  );
end
$$;
comment on function api.fold_tags(text[]) is
  'The tags in lower case, trimmed, each once, in the order given (§8).';

create function api.check_tags(p_field text, p_tags text[])
returns json
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_tags = '{}' then
    return null;
  end if;
  return case
    when cardinality(p_tags) > 10 then field_error(p_field, 'has more than 10 tags')
    when exists (
      select from unnest(p_tags) as tag where tag is null or char_length(tag) not between 1 and 50
    ) then field_error(p_field, 'has a tag that does not have 1 to 50 characters')
  end;
end
$$;
comment on function api.check_tags(text, text[]) is
  'Field error unless there are at most 10 folded tags of 1 to 50 characters (§8).';

create function api.check_emoji(p_field text, p_emoji text)
returns json
language sql stable
return case
  when coalesce(p_emoji, '') = '' then api.field_error(p_field, 'is required')
  when char_length(p_emoji) > 16 then api.field_error(p_field, 'has more than 16 characters')
  when p_emoji ~ '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
    then api.field_error(p_field, 'has white space or control characters')
end;
comment on function api.check_emoji(text, text) is
  'Field error unless it is 1 to 16 code points without white space and control characters (§8).';

create function api.check_slug(p_field text, p_slug text)
returns json
language sql stable
return case
  when p_slug !~ '^[a-z0-9-]{3,80}$'
    then api.field_error(p_field, 'is not 3 to 80 of the characters a-z, 0-9 and -')
end;
comment on function api.check_slug(text, text) is 'Field error when a slug is given that is none (§8).';

create function api.is_of_type(p_value jsonb, p_type text)
returns boolean
language sql stable
return case p_type
  when 'uuid' then
    jsonb_typeof(p_value) = 'string' and pg_input_is_valid(p_value #>> '{}', 'uuid')
  when 'strings' then
    jsonb_typeof(p_value) = 'array'
    and not jsonb_path_exists(p_value, 'strict $[*] ? (@.type() != "string")')
  else jsonb_typeof(p_value) = p_type
end;
comment on function api.is_of_type(jsonb, text) is
  'Whether a JSON value is a string, boolean, uuid or list of strings.';

create function api.check_patch(p_patch jsonb, p_types jsonb)
returns json[]
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
declare
  v_errors json[] := array[null]::json[];
  v_field text;
  v_value jsonb;
  v_type text;
begin
  if jsonb_typeof(p_patch) is distinct from 'object' then
    return array[field_error('body', 'is not an object')];
  end if;
  for v_field, v_value in select * from jsonb_each(p_patch) loop
    v_type := p_types ->> v_field;
    v_errors := v_errors || case
      when v_type is null then field_error(v_field, 'is not known')
      when v_value = 'null' and v_type not like '%?' then field_error(v_field, 'may not be null')
      when v_value <> 'null' and not is_of_type(v_value, rtrim(v_type, '?'))
        then field_error(v_field, 'is not a ' || rtrim(v_type, '?'))
    end;
  end loop;
  return v_errors;
end
$$;
comment on function api.check_patch(jsonb, jsonb) is
  'The field errors of a merge patch: p_types names the type of each field that may be patched, '
  'string, boolean, uuid or strings, with a ? where null clears it (§8).';

create function api.strings_of(p_value jsonb)
returns text[]
language sql immutable
begin atomic
  select coalesce(array_agg(item order by nr), '{}')
  from jsonb_array_elements_text(p_value) with ordinality as items (item, nr);
end;
comment on function api.strings_of(jsonb) is 'The strings of a JSON array, in their order.';

create function api.random_code(p_length int)
returns text
language sql volatile
return left(
  translate(
    encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'), E'+/=\n', 'xy'
  ),
  p_length
);
comment on function api.random_code(int) is
  'Up to 43 random letters and digits from a cryptographically strong source.';

create function api.slug_of(p_name text)
returns text
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
declare
  v_plain text := regexp_replace(normalize(lower(p_name), nfkd), '[\u0300-\u036f]', '', 'g');
  v_slug text := left(btrim(regexp_replace(v_plain, '[^a-z0-9]+', '-', 'g'), '-'), 80);
begin
  return case when char_length(v_slug) < 3 then btrim('group-' || v_slug, '-') else v_slug end;
end
$$;
comment on function api.slug_of(text) is 'A slug made from a name (§1, limits of §8).';

create function api.with_random_ending(p_slug text)
returns text
language sql volatile
return left(p_slug, 67) || '-' || lower(api.random_code(12));
comment on function api.with_random_ending(text) is
  'The slug with an ending that nobody guesses: a clash would tell that a secret group exists (§2).';

-- Pages ------------------------------------------------------------------------------------------

create type api.page_key as (created_at timestamptz, id uuid);
comment on type api.page_key is 'The place of a row in a list: every list is ordered by it (§7).';

create function api.cursor_of(p_created_at timestamptz, p_id uuid)
returns text
language sql stable
return translate(
  encode(
    convert_to(
      to_char(p_created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '|' || p_id, 'UTF8'
    ),
    'base64'
  ),
  E'+/=\n', '-_'
);
comment on function api.cursor_of(timestamptz, uuid) is
  'The cursor of a row: base64url of its creation time in UTC with microseconds, | and its id (§7).';

create function api.parse_cursor(p_cursor text)
returns api.page_key
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_text text;
begin
  -- 86 characters where the time ends in Z, 92 where it ends in +00:00.
  if char_length(p_cursor) in (86, 92) and p_cursor !~ '[^A-Za-z0-9_-]' then
    v_text := encode(
      decode(translate(p_cursor, '-_', '+/') || repeat('=', -char_length(p_cursor) & 3), 'base64'),
      'escape'
    );
    v_text := replace(v_text, '+00:00|', 'Z|');
  end if;
  -- A regular expression of this length takes ten times as long as all of this.
  if v_text like '____-__-__T__:__:__.______Z|________-____-____-____-____________'
    and translate(left(v_text, 27), '0123456789', '') = '--T::.Z'
    and substr(v_text, 18, 1) < '6' -- there is no second 60
    and pg_input_is_valid(left(v_text, 27), 'timestamptz')
    and pg_input_is_valid(right(v_text, 36), 'uuid')
  then
    return (left(v_text, 27)::timestamptz, right(v_text, 36)::uuid)::page_key;
  end if;
  perform fail('invalid_cursor');
end
$$;
comment on function api.parse_cursor(text) is
  'The place that a cursor names. Raises invalid_cursor unless the service could have made it (§7).';

create function api.page_start(p_before text, p_after text, p_limit int, p_newest_first boolean)
returns api.page_key
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform reject_invalid(
    case when p_before is not null and p_after is not null
      then field_error('before', 'may not be given together with after') end,
    case when p_limit is null or p_limit not between 1 and 100
      then field_error('limit', 'is not between 1 and 100') end
  );
  return case
    when p_before is not null then parse_cursor(p_before)
    when p_after is not null then parse_cursor(p_after)
    when p_newest_first then ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')::page_key
    else ('-infinity', '00000000-0000-0000-0000-000000000000')::page_key
  end;
end
$$;
comment on function api.page_start(text, text, int, boolean) is
  'Where a page of a list starts, exclusive: its cursor, or the end that the list begins at. Raises '
  'validation_failed for both cursors at once or a limit outside 1 to 100, and invalid_cursor (§7).';

create function api.page(
  p_limit int, p_backward boolean, p_items json[], p_keys api.page_key[], p_summary json default null
)
returns json
language plpgsql immutable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_more boolean := coalesce(cardinality(p_items), 0) > p_limit;
  v_first int := case when v_more and p_backward then 2 else 1 end;
  v_last int := v_first + p_limit - 1;
  v_key page_key := p_keys[case when p_backward then v_first else v_last end];
  v_items json := coalesce(array_to_json(p_items[v_first:v_last]), '[]');
  v_next text := case when v_more then cursor_of(v_key.created_at, v_key.id) end;
begin
  if p_summary is null then
    return json_build_object('items', v_items, 'next_cursor', v_next);
  end if;
  return json_build_object('items', v_items, 'next_cursor', v_next, 'summary', p_summary);
end
$$;
comment on function api.page(int, boolean, json[], api.page_key[], json) is
  'The answer of a list: p_items and p_keys are its rows in the list''s own order, asked for with '
  'p_lookahead, so that one row past p_limit tells that there is a next page; p_backward when the '
  'page was asked for against the list''s order (§7).';
