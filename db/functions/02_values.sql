-- Values: how texts, tags, emoji, cursors and page sizes are normalised and checked.
-- A check_… function returns null for a valid value and a field error for an invalid one.
--
-- An SQL function is declared as volatile as the most volatile function that it calls, and has no
-- sub-select, so that the planner inlines it. Otherwise PostgreSQL 16 and 17 plan it again in each
-- transaction, which costs ten times as much as the function itself.

-- Texts -------------------------------------------------------------------------------------------

-- PostgreSQL 17 has this locale built in; the C library provides it to older versions.
do $$
begin
  execute format(
    'create collation api.unicode_case (provider = %s, locale = ''C.UTF-8'')',
    case when current_setting('server_version_num')::int >= 170000 then 'builtin' else 'libc' end
  );
end
$$;
comment on collation api.unicode_case is
  'Case of all scripts by Unicode''s one-to-one mappings, in every locale of the database.';

create function api.lower_case(p_text text)
returns text
language sql immutable
return lower(p_text collate api.unicode_case);
comment on function api.lower_case(text) is
  'Returns the text in lower case, the same in every database (rule 02.6).';

create function api.trim_text(p_text text)
returns text
language sql immutable
return btrim(
  p_text,
  E'\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005'
  '\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'
);
comment on function api.trim_text(text) is
  'Returns the text without leading and trailing Unicode white space (rule 02.1).';

create function api.is_blank(p_text text)
returns boolean
language sql immutable
return p_text !~ (
  '[^\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f'
  '\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb'
  '\U00013430-\U0001343f\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3\U0001d159'
  '\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
);
comment on function api.is_blank(text) is
  'Returns whether the text has no visible character: only white space, control and format '
  'characters, fillers, variation selectors and tag characters (rule 02.3).';

create function api.clean_text(p_text text)
returns text
language sql immutable
return case
  when api.is_blank(p_text) then ''
  -- The test costs a quarter of the normalisation.
  when p_text is nfc normalized then api.trim_text(p_text)
  else api.trim_text(normalize(p_text, nfc))
end;
comment on function api.clean_text(text) is
  'Returns the stored form of a text: in NFC, trimmed, and empty if it is blank (rules 02.1 and '
  '02.3).';

create function api.has_bidi_controls(p_text text)
returns boolean
language sql immutable
return p_text ~ '[\u202a-\u202e\u2066-\u2069]';
comment on function api.has_bidi_controls(text) is
  'Returns whether the text has characters that reorder the text around it (rule 02.4).';

create function api.clean_name(p_name text)
returns text
language sql immutable
return case when api.has_bidi_controls(p_name) then p_name else api.clean_text(p_name) end;
comment on function api.clean_name(text) is
  'Returns the stored form of a name or title. A text that check_name refuses is returned '
  'unchanged (rules 02.1 and 02.4).';

create function api.remove_invisible(p_text text)
returns text
language sql immutable
return regexp_replace(
  p_text,
  '^[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff]+'
  '|[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff]+$'
  '|[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff]',
  '', 'g'
);
comment on function api.remove_invisible(text) is
  'Returns a tag or emoji without zero-width characters, so that two tags that look alike are '
  'equal. Joiners between visible characters stay (rules 02.5 and 02.19).';

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
  'Returns a field error unless the clean text has p_min to p_max code points (rules 02.2 and '
  '02.3).';

create function api.check_name(p_field text, p_value text, p_min int, p_max int)
returns json
language sql stable
return case
  when api.has_bidi_controls(p_value)
    then api.field_error(p_field, 'has characters that change the direction of text')
  else api.check_text(p_field, p_value, p_min, p_max)
end;
comment on function api.check_name(text, text, int, int) is
  'Returns a field error unless the clean name or title has p_min to p_max code points and no bidi '
  'controls (rules 02.2 and 02.4).';

create function api.check_choice(p_field text, p_value text, variadic p_choices text[])
returns json
language sql stable
return case
  when p_value is null then api.field_error(p_field, 'is required')
  when p_value <> all (p_choices)
    then api.field_error(p_field, 'is not one of ' || array_to_string(p_choices, ', '))
end;
comment on function api.check_choice(text, text, text[]) is
  'Returns a field error unless the value is one of the choices (rule 02.11).';

create function api.check_future(p_field text, p_value timestamptz)
returns json
language sql stable
return case
  when p_value <= now() or not isfinite(p_value)
    then api.field_error(p_field, 'is not in the future')
end;
comment on function api.check_future(text, timestamptz) is
  'Returns a field error if the time is past or infinite; null is valid (rule 02.11).';

-- Emoji -------------------------------------------------------------------------------------------

create function api.canonical_emoji(p_emoji text)
returns text
language sql immutable
return regexp_replace(
  normalize(translate(api.remove_invisible(p_emoji), E'\ufe0e\ufe0f', ''), nfc),
  -- A keycap, or a character with Emoji=Yes and Emoji_Presentation=No (Unicode 17) without a skin
  -- tone.
  '([#*0-9](?=\u20e3)|['
  '\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u23ed-\u23ef'
  '\u23f1\u23f2\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb\u25fc\u2600-\u2604\u260e'
  '\u2611\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642'
  '\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u2692\u2694-\u2697\u2699\u269b\u269c'
  '\u26a0\u26a7\u26b0\u26b1\u26c8\u26cf\u26d1\u26d3\u26e9\u26f0\u26f1\u26f4\u26f7-\u26f9'
  '\u2702\u2708\u2709\u270c\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734\u2744\u2747'
  '\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299\U0001f170\U0001f171'
  '\U0001f17e\U0001f17f\U0001f202\U0001f237\U0001f321\U0001f324-\U0001f32c\U0001f336'
  '\U0001f37d\U0001f396\U0001f397\U0001f399-\U0001f39b\U0001f39e\U0001f39f'
  '\U0001f3cb-\U0001f3ce\U0001f3d4-\U0001f3df\U0001f3f3\U0001f3f5\U0001f3f7\U0001f43f'
  '\U0001f441\U0001f4fd\U0001f549\U0001f54a\U0001f56f\U0001f570\U0001f573-\U0001f579'
  '\U0001f587\U0001f58a-\U0001f58d\U0001f590\U0001f5a5\U0001f5a8\U0001f5b1\U0001f5b2'
  '\U0001f5bc\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de\U0001f5e1'
  '\U0001f5e3\U0001f5e8\U0001f5ef\U0001f5f3\U0001f5fa\U0001f6cb\U0001f6cd-\U0001f6cf'
  '\U0001f6e0-\U0001f6e5\U0001f6e9\U0001f6f0\U0001f6f3](?![\U0001f3fb-\U0001f3ff]))',
  E'\\1\ufe0f', 'g'
);
comment on function api.canonical_emoji(text) is
  'Returns the fully qualified form of an emoji, as Unicode defines it. U+FE0F follows each '
  'character that is shown as text by default, and no other (rule 02.8).';

create function api.check_emoji(p_field text, p_emoji text)
returns json
language sql stable
return case
  when coalesce(api.is_blank(p_emoji), true) then api.field_error(p_field, 'is required')
  when char_length(p_emoji) > 16 then api.field_error(p_field, 'has more than 16 characters')
  when p_emoji
    ~ '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028-\u202f\u205f\u2066-\u2069\u3000]'
    then api.field_error(p_field, 'has white space or control characters')
end;
comment on function api.check_emoji(text, text) is
  'Returns a field error unless the canonical emoji has 1 to 16 code points, without white space '
  'and control characters (rule 02.9).';

-- Tags --------------------------------------------------------------------------------------------

create function api.fold_tag(p_tag text)
returns text
language sql immutable
return regexp_replace(
  regexp_replace(
    api.canonical_emoji(
      normalize(api.lower_case(normalize(api.remove_invisible(p_tag), nfkc)), nfkc)
    ),
    '[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'
  ),
  -- The # of the emoji #️⃣ is not a leading #.
  '^(#(?!\ufe0f)|[ \u200c\u200d])+|[ \u200c\u200d]+$', '', 'g'
);
comment on function api.fold_tag(text) is
  'Returns the stored form of a tag: NFKC, lower case, no leading #, single spaces and canonical '
  'emoji (rules 02.6 and 02.8).';

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
      select fold_tag(raw) as tag, min(nr) as nr
      from unnest(p_tags) with ordinality as given (raw, nr)
      group by 1
    ) as t
    order by t.nr
  );
end
$$;
comment on function api.fold_tags(text[]) is
  'Returns the stored forms of the tags, each once, in the order given (rule 02.6).';

create function api.check_tag(p_field text, p_tag text)
returns json
language sql stable
return case
  when coalesce(api.is_blank(p_tag), true) then api.field_error(p_field, 'is empty')
  else api.check_name(p_field, p_tag, 1, 50)
end;
comment on function api.check_tag(text, text) is
  'Returns a field error unless the folded tag is not blank and has 1 to 50 characters, none of '
  'them bidi controls (rules 02.4 and 02.7).';

create function api.check_tags(p_field text, p_tags text[])
returns json
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_tags = '{}' then
    return null;
  elsif cardinality(p_tags) > 10 then
    return field_error(p_field, 'has more than 10 tags');
  end if;
  return (
    select field_error(p_field, 'has a tag that ' || (error ->> 'message'))
    from unnest(p_tags) as tag cross join lateral check_tag(p_field, tag) as error
    where error is not null
    limit 1
  );
end
$$;
comment on function api.check_tags(text, text[]) is
  'Returns a field error unless there are at most 10 folded tags and each is valid (rule 02.7).';

-- Other fields ------------------------------------------------------------------------------------

create function api.check_slug(p_field text, p_slug text)
returns json
language sql stable
return case
  when p_slug !~ '^[a-z0-9-]{3,80}$'
    then api.field_error(p_field, 'is not 3 to 80 of the characters a-z, 0-9 and -')
end;
comment on function api.check_slug(text, text) is
  'Returns a field error if the slug is malformed; null is valid (rule 02.10).';

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
  'Returns whether a JSON value has the type string, boolean, uuid or strings (a list of them).';

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
        then field_error(
          v_field, 'is not a ' || replace(rtrim(v_type, '?'), 'strings', 'list of strings')
        )
    end;
  end loop;
  return v_errors;
end
$$;
comment on function api.check_patch(jsonb, jsonb) is
  'Returns the field errors of a merge patch. p_types maps each field that may be patched to its '
  'type: string, boolean, uuid or strings. A ? after the type means that null clears the field '
  '(rule 02.12).';

create function api.to_text_array(p_value jsonb)
returns text[]
language sql immutable
begin atomic
  select coalesce(array_agg(item order by nr), '{}')
  from jsonb_array_elements_text(p_value) with ordinality as items (item, nr);
end;
comment on function api.to_text_array(jsonb) is 'Returns the strings of a JSON array, in order.';

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
  'Returns up to 43 random letters and digits from a cryptographically strong source (rule 02.16).';

create function api.slug_of(p_name text)
returns text
language plpgsql immutable
set search_path = public, api, pg_temp
as $$
declare
  v_plain text := regexp_replace(normalize(lower_case(p_name), nfkd), '[\u0300-\u036f]', '', 'g');
  v_slug text := left(btrim(regexp_replace(v_plain, '[^a-z0-9]+', '-', 'g'), '-'), 80);
begin
  return case when char_length(v_slug) < 3 then btrim('group-' || v_slug, '-') else v_slug end;
end
$$;
comment on function api.slug_of(text) is 'Returns a valid slug derived from a name (rule 02.10).';

create function api.with_random_ending(p_slug text)
returns text
language sql volatile
return left(p_slug, 67) || '-' || api.lower_case(api.random_code(12));
comment on function api.with_random_ending(text) is
  'Returns the slug with an unguessable ending, so that a conflict cannot reveal a secret group '
  '(rule 10.4).';

-- Pages -------------------------------------------------------------------------------------------

create type api.page_key as (created_at timestamptz, id uuid);
comment on type api.page_key is
  'Position of a row in a list; every list is ordered by it (rule 02.13).';

create function api.cursor_of(p_created_at timestamptz, p_id uuid)
returns text
language sql stable
return translate(
  encode(
    convert_to(
      to_char(p_created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '|' || p_id,
      'UTF8'
    ),
    'base64'
  ),
  E'+/=\n', '-_'
);
comment on function api.cursor_of(timestamptz, uuid) is
  'Returns the cursor of a row: base64url of its creation time in UTC with microseconds, | and its '
  'id (rule 02.13).';

create function api.parse_cursor(p_cursor text)
returns api.page_key
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_text text;
begin
  -- A cursor has 86 characters if its time ends in Z, and 92 if it ends in +00:00.
  if char_length(p_cursor) in (86, 92) and p_cursor !~ '[^A-Za-z0-9_-]' then
    v_text := encode(
      decode(translate(p_cursor, '-_', '+/') || repeat('=', -char_length(p_cursor) & 3), 'base64'),
      'escape'
    );
    v_text := replace(v_text, '+00:00|', 'Z|');
  end if;
  -- A regular expression for the whole form would take ten times as long.
  if v_text like '____-__-__T__:__:__.______Z|________-____-____-____-____________'
    and translate(left(v_text, 27), '0123456789', '') = '--T::.Z'
    and substr(v_text, 18, 1) < '6' -- PostgreSQL accepts second 60
    and pg_input_is_valid(left(v_text, 27), 'timestamptz')
    and pg_input_is_valid(right(v_text, 36), 'uuid')
  then
    return (left(v_text, 27)::timestamptz, right(v_text, 36)::uuid)::page_key;
  end if;
  perform fail('invalid_cursor');
end
$$;
comment on function api.parse_cursor(text) is
  'Returns the position that a cursor encodes. Raises invalid_cursor unless the cursor is '
  'well-formed (rule 02.17).';

create function api.check_limit(p_limit int)
returns json
language sql stable
return case
  when p_limit is null or p_limit not between 1 and 100
    then api.field_error('limit', 'is not between 1 and 100')
end;
comment on function api.check_limit(int) is
  'Returns a field error unless the number of rows is 1 to 100 (rule 02.14).';

create type api.page_request as (
  created_at timestamptz, -- the page starts beyond this position
  id uuid,
  is_ascending boolean, -- whether the list reads from older to newer rows
  max_rows int
);
comment on type api.page_request is
  'Position, direction and number of rows of the page that a list returns.';

create function api.parse_page(
  p_before text, p_after text, p_limit int, p_lookahead boolean, p_newest_first boolean,
  variadic p_errors json[] default array[null]::json[]
)
returns api.page_request
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_is_ascending boolean := p_after is not null or (p_before is null and not p_newest_first);
  v_start page_key;
begin
  perform reject_invalid(variadic p_errors || array[
    case when p_before is not null and p_after is not null
      then field_error('before', 'cannot be combined with after') end,
    check_limit(p_limit)
  ]);
  v_start := case
    when p_before is not null then parse_cursor(p_before)
    when p_after is not null then parse_cursor(p_after)
    when p_newest_first then ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')::page_key
    else ('-infinity', '00000000-0000-0000-0000-000000000000')::page_key
  end;
  return (
    v_start.created_at, v_start.id, v_is_ascending, p_limit + coalesce(p_lookahead, false)::int
  )::page_request;
end
$$;
comment on function api.parse_page(text, text, int, boolean, boolean, json[]) is
  'Returns the page that the arguments of a list ask for. Without a cursor the page starts at the '
  'first row of the list. p_errors are the field errors of the list''s filters. Raises '
  'validation_failed for them, for both cursors at once and for a limit outside 1 to 100. Raises '
  'invalid_cursor (rules 02.14 and 02.17).';

create function api.is_on_page(p_created_at timestamptz, p_id uuid, p_page api.page_request)
returns boolean
language sql immutable
return case
  when (p_page).is_ascending then (p_created_at, p_id) > ((p_page).created_at, (p_page).id)
  else (p_created_at, p_id) < ((p_page).created_at, (p_page).id)
end;
comment on function api.is_on_page(timestamptz, uuid, api.page_request) is
  'Returns whether a row lies beyond the start of a page. In a custom plan the planner inlines it '
  'and reads an index on (created_at, id) in either direction (rule 02.15).';

create function api.page(
  p_limit int, p_backward boolean, p_items json[], p_keys api.page_key[],
  p_summary json default null
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
  'Returns a page as JSON. p_items and p_keys are the rows in the list''s own order. The list '
  'reads one more row with p_lookahead: a row past p_limit means that another page follows. '
  'p_backward is true for a page read against the list''s order (rules 02.13 and 02.18).';
