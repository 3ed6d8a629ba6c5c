-- Helpers of the pgTAP tests, loaded into schema tap beside pgTAP, once for each test database.
--
-- A test is one transaction that is rolled back. It arranges as the superuser and acts as the role
-- communities_job, which owns nothing and may only call doors. Each user and object of a test has a
-- name: make_member('mia', 'club') creates a member, and the('mia') returns the id. Names end with
-- the transaction.

-- Names -------------------------------------------------------------------------------------------

create function tap.remember(p_name text, p_id uuid)
returns void
language plpgsql volatile
as $$
begin
  perform set_config('the.' || p_name, p_id::text, true);
end
$$;
comment on function tap.remember(text, uuid) is 'Names an id until the transaction ends.';

create function tap.the(p_name text)
returns uuid
language plpgsql stable
as $$
begin
  return case
    when p_name <> 'anonymous' then nullif(current_setting('the.' || p_name), '')::uuid
  end;
end
$$;
comment on function tap.the(text) is
  'Returns the id that a name stands for, null for anonymous. Raises an error for an unknown name.';

create function tap.own(p_word text)
returns text
language sql stable
return p_word || '-' || pg_backend_pid();
comment on function tap.own(text) is
  'Returns a tag or slug that no concurrent test uses, so that tests do not wait for each other.';

-- Reading and writing tables ----------------------------------------------------------------------

create function tap.sudo(p_sql text)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  execute p_sql;
end
$$;
comment on function tap.sudo(text) is 'Runs a statement as the owner of the tables, from any role.';

create function tap.look(p_sql text)
returns text
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
declare
  v_value text;
begin
  execute p_sql into v_value;
  return v_value;
end
$$;
comment on function tap.look(text) is
  'Runs a query as the owner of the tables, and returns its value as text.';

-- Creating users and objects ----------------------------------------------------------------------

create function tap.make_user(p_name text)
returns void
language plpgsql volatile
as $$
begin
  if coalesce(current_setting('the.' || p_name, true), '') = '' then
    perform tap.remember(p_name, gen_random_uuid());
  end if;
end
$$;
comment on function tap.make_user(text) is
  'Creates a user outside of every group, unless the name exists.';

create function tap.make_group(
  p_name text, p_visibility text default 'public', p_owner text default 'owner'
)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.make_user(p_owner);
  perform tap.remember(p_name, g.id)
  from api.create_group(
    tap.the(p_owner), 'Group ' || p_name, p_visibility,
    p_slug => 'test-' || replace(gen_random_uuid()::text, '-', '')
  ) as g;
end
$$;
comment on function tap.make_group(text, text, text) is
  'Creates a group and, unless the name exists, its owner.';

create function tap.make_member(p_name text, p_group text, p_role text default 'member')
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.make_user(p_name);
  insert into public.group_member (group_id, user_id, role)
  values (tap.the(p_group), tap.the(p_name), p_role);
end
$$;
comment on function tap.make_member(text, text, text) is
  'Creates a member of a group, with a role.';

create function tap.make_muted(p_name text, p_group text, p_until interval default '1 day')
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.make_member(p_name, p_group);
  update public.group_member set muted_until = now() + p_until
  where group_id = tap.the(p_group) and user_id = tap.the(p_name);
end
$$;
comment on function tap.make_muted(text, text, interval) is
  'Creates a member whose mute ends after the interval, which may be negative.';

create function tap.make_banned(p_name text, p_group text, p_until interval default null)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.make_user(p_name);
  insert into public.group_member (
    group_id, user_id, role, left_at, is_banned, ban_reason, banned_until
  )
  values (tap.the(p_group), tap.the(p_name), 'member', now(), true, 'spam', now() + p_until);
end
$$;
comment on function tap.make_banned(text, text, interval) is
  'Creates a user whose ban from a group ends after the interval, which may be negative.';

create function tap.make_cast(p_group text)
returns void
language plpgsql volatile
as $$
begin
  perform tap.make_user('stranger');
  perform tap.make_banned('banned', p_group);
  perform tap.make_muted('muted', p_group);
  perform tap.make_member('member', p_group);
  perform tap.make_member('moderator', p_group, 'moderator');
  perform tap.make_member('admin', p_group, 'admin');
end
$$;
comment on function tap.make_cast(text) is
  'Creates the users that most tests need besides the owner: stranger, banned, muted, member, '
  'moderator, admin.';

create function tap.make_post(
  p_name text, p_group text, p_author text default 'owner', p_tags text[] default '{}',
  p_body text default 'A post'
)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.remember(p_name, p.id)
  from api.create_post(tap.the(p_author), tap.the(p_group), p_body, null, p_tags) as p;
end
$$;
comment on function tap.make_post(text, text, text, text[], text) is 'Creates a post in a group.';

create function tap.make_comment(
  p_name text, p_post text, p_author text default 'owner', p_parent text default null,
  p_body text default 'A comment'
)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform tap.remember(p_name, c.id)
  from api.create_comment(tap.the(p_author), tap.the(p_post), p_body, tap.the(p_parent)) as c;
end
$$;
comment on function tap.make_comment(text, text, text, text, text) is
  'Creates a comment on a post, or a reply to a comment.';

create function tap.make_reaction(
  p_subject_type text, p_subject text, p_user text default 'owner', p_emoji text default '👍'
)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform api.add_reaction(tap.the(p_user), p_subject_type, tap.the(p_subject), p_emoji);
end
$$;
comment on function tap.make_reaction(text, text, text, text) is
  'Creates a reaction to a post or comment.';

create function tap.make_media(p_subject_type text, p_subject text)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  insert into public.media_attachment (
    group_id, subject_type, subject_id, s3_key, mime, size_bytes, created_by
  )
  values (
    gen_random_uuid(), p_subject_type, tap.the(p_subject), gen_random_uuid()::text, 'image/png', 1,
    gen_random_uuid()
  );
end
$$;
comment on function tap.make_media(text, text) is 'Creates an attachment.';

create function tap.make_presign(p_name text, p_user text, p_purpose text default 'post')
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  perform set_config('key.' || p_name, key, true)
  from api.presign_upload(tap.the(p_user), p_purpose, 'image/png', 1000);
end
$$;
comment on function tap.make_presign(text, text, text) is
  'Presigns an upload of 1000 bytes of image/png and names its key.';

create function tap.make_copy(
  p_name text, p_user text, p_mime text default 'image/png', p_size bigint default 1000
)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
declare
  v_key text := tap.key(p_name);
  v_copy_key text := api.start_upload_copy(tap.the(p_user), v_key, 'image/png', 1000);
begin
  perform set_config('copy.' || p_name, v_copy_key, true);
  perform api.confirm_upload_copy(tap.the(p_user), v_key, v_copy_key, p_mime, p_size);
end
$$;
comment on function tap.make_copy(text, text, text, bigint) is
  'Copies an upload and confirms the copy with this type and size.';

create function tap.make_upload(p_name text, p_user text, p_purpose text default 'post')
returns void
language plpgsql volatile
as $$
begin
  perform tap.make_presign(p_name, p_user, p_purpose);
  perform tap.make_copy(p_name, p_user);
end
$$;
comment on function tap.make_upload(text, text, text) is
  'Creates an upload that is ready to be linked.';

create function tap.key(p_name text)
returns text
language sql stable
return current_setting('key.' || p_name);
comment on function tap.key(text) is 'Returns the key of an upload.';

create function tap.copy_key(p_name text)
returns text
language sql stable
return current_setting('copy.' || p_name);
comment on function tap.copy_key(text) is 'Returns the key of the newest copy of an upload.';

create function tap.backdate(p_table text, p_name text, p_by interval)
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  execute format('update public.%I set created_at = now() - $1 where id = $2', p_table)
  using p_by, tap.the(p_name);
end
$$;
comment on function tap.backdate(text, text, interval) is
  'Moves the creation of a row into the past, since all rows of a transaction have the same time.';

-- Assertions --------------------------------------------------------------------------------------

create function tap.throws_code(p_sql text, p_state text, p_code text, p_description text)
returns text
language plpgsql volatile
as $$
declare
  v_state text := 'no';
  v_hint text := 'error';
  v_message text;
begin
  begin
    execute p_sql;
  exception when others then
    get stacked diagnostics
      v_state = returned_sqlstate, v_hint = pg_exception_hint, v_message = message_text;
  end;
  return case
    when (v_state, v_hint) = (p_state, p_code) then tap.ok(true, p_description)
    else
      tap.is(v_state || ' ' || v_hint, p_state || ' ' || p_code, p_description)
      || coalesce(e'\n' || tap.diag(v_message), '')
  end;
end
$$;
comment on function tap.throws_code(text, text, text, text) is
  'Asserts that the statement raises this SQLSTATE with this code as its HINT.';

create function tap.throws_fields(p_sql text, p_fields text[], p_description text)
returns text
language plpgsql volatile
as $$
declare
  v_state text;
  v_hint text;
  v_detail text;
  v_fields text[];
begin
  begin
    execute p_sql;
    return tap.ok(false, p_description) || e'\n' || tap.diag('no error was raised');
  exception when others then
    get stacked diagnostics
      v_state = returned_sqlstate, v_hint = pg_exception_hint, v_detail = pg_exception_detail;
  end;
  if (v_state, v_hint) is distinct from ('PT400', 'validation_failed') then
    return tap.is(v_state || ' ' || v_hint, 'PT400 validation_failed', p_description);
  end if;
  v_fields := array(
    select e ->> 'field' from json_array_elements(v_detail::json -> 'errors') as e
    where e ->> 'message' <> ''
  );
  return tap.is(v_fields, p_fields, p_description);
end
$$;
comment on function tap.throws_fields(text, text[], text) is
  'Asserts that the statement raises validation_failed for exactly these fields, in this order.';

create function tap.throws_retry(p_sql text, p_code text, p_seconds int, p_description text)
returns text
language plpgsql volatile
as $$
declare
  v_hint text;
  v_detail jsonb;
begin
  execute p_sql;
  return tap.ok(false, p_description) || e'\n' || tap.diag('no error was raised');
exception when others then
  get stacked diagnostics v_hint = pg_exception_hint, v_detail = pg_exception_detail;
  return tap.is(
    v_hint || ' ' || (v_detail ->> 'retry_after_seconds'), p_code || ' ' || p_seconds, p_description
  );
end
$$;
comment on function tap.throws_retry(text, text, int, text) is
  'Asserts that the statement raises this code, and that its DETAIL has this retry_after_seconds.';

create function tap.field_is_valid(p_error json, p_description text)
returns text
language sql volatile
return tap.is(p_error::text, null, p_description);
comment on function tap.field_is_valid(json, text) is
  'Asserts that the check of a field returns no error.';

create function tap.field_is_invalid(p_error json, p_description text)
returns text
language sql volatile
return tap.is(p_error ->> 'field', 'f', p_description);
comment on function tap.field_is_invalid(json, text) is
  'Asserts that the check of a field returns an error of the field f.';

create function tap.outcome(p_sql text)
returns text
language plpgsql volatile
as $$
declare
  v_state text;
  v_hint text;
begin
  execute p_sql;
  raise exception using errcode = 'ZZ000', message = 'rolled back';
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_hint = pg_exception_hint;
  return case when v_state = 'ZZ000' then 'ok' else coalesce(nullif(v_hint, ''), v_state) end;
end
$$;
comment on function tap.outcome(text) is
  'Returns ok, or the code of the error that the statement raises. Rolls back the effects of the '
  'statement.';

create function tap.outcomes_are(
  p_action text, p_call text, p_outcomes text, variadic p_targets text[] default array[null]
)
returns setof text
language plpgsql volatile
as $$
declare
  v_row text;
  v_words text[];
  v_outcome text;
begin
  foreach v_row in array string_to_array(p_outcomes, ',') loop
    v_words := string_to_array(btrim(regexp_replace(v_row, '\s+', ' ', 'g')), ' ');
    for v_nr in 1..cardinality(p_targets) loop
      v_outcome := case when cardinality(v_words) = 2 then v_words[2] else v_words[v_nr + 1] end;
      return next tap.is(
        tap.outcome(format(p_call, v_words[1], p_targets[v_nr])), v_outcome,
        format(
          '%s as %s has the outcome %s', format(p_action, p_targets[v_nr]), v_words[1], v_outcome
        )
      );
    end loop;
  end loop;
end
$$;
comment on function tap.outcomes_are(text, text, text, text[]) is
  'Asserts the outcomes of a call for each actor and target. p_call is a format of the actor and '
  'the target, p_action a format of the target. p_outcomes has a row for each actor, separated by '
  'commas: the actor, then one outcome for all targets or one for each.';

create function tap.counters_hold(p_description text default 'All counters agree with their rows')
returns text
language sql volatile
return tap.is_empty('select * from api.verify_counters()', p_description);
comment on function tap.counters_hold(text) is
  'Asserts that every counter equals the number of its rows.';

create function tap.cursor(p_created_at timestamptz, p_id uuid)
returns text
language sql volatile security definer
set search_path = tap, public, api, pg_temp
as $$ select api.cursor_of(p_created_at, p_id) $$;
comment on function tap.cursor(timestamptz, uuid) is 'Returns the cursor of a position in a list.';

create function tap.walk(p_list text, p_direction text, p_newest_first boolean)
returns uuid[]
language plpgsql volatile
as $$
declare
  v_backward boolean := p_newest_first <> (p_direction = 'before');
  v_cursor text := case
    when not v_backward then null
    when p_newest_first then tap.cursor('0001-01-01', '00000000-0000-0000-0000-000000000000')
    else tap.cursor('9999-12-31', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  end;
  v_page json;
  v_ids uuid[] := '{}';
begin
  for v_nr in 1..100 loop
    execute format(
      'select api.page(2, %L, array_agg(to_json(l.id)), array_agg((l.created_at, l.id)::api.page_key)) '
      'from api.%s, p_limit => 2, p_%s => %L, p_lookahead => true) as l',
      v_backward, left(p_list, -1), p_direction, v_cursor
    ) into v_page;
    v_ids := v_ids || array(
      select item::uuid
      from json_array_elements_text(v_page -> 'items') with ordinality as i (item, nr)
      order by case when v_backward then -nr else nr end
    );
    v_cursor := v_page ->> 'next_cursor';
    exit when v_cursor is null;
  end loop;
  return v_ids;
end
$$;
comment on function tap.walk(text, text, boolean) is
  'Returns the ids that a walk through a list finds, two per page. The walk starts at the '
  'beginning of the list, or at its end if p_direction (before, after) is against the order of the '
  'list.';

create function tap.walks_are_complete(p_list text, p_newest_first boolean, p_description text)
returns setof text
language plpgsql volatile
as $$
declare
  v_direction text;
  v_ids uuid[];
begin
  foreach v_direction in array array['before', 'after'] loop
    execute format(
      'select array_agg(id order by created_at %s, id %1$s) from api.%s',
      case v_direction when 'before' then 'desc' else 'asc' end, p_list
    ) into v_ids;
    return next tap.is(
      tap.walk(p_list, v_direction, p_newest_first), v_ids,
      format('A walk %s returns %s once', v_direction, p_description)
    );
  end loop;
end
$$;
comment on function tap.walks_are_complete(text, boolean, text) is
  'Asserts that a walk in either direction returns each row of the list once, in order.';

-- Events and audit entries ------------------------------------------------------------------------
-- The audit log has no sequence, so the tests order it by cmin, the number of the command in the
-- transaction.

create function tap.forget_events()
returns void
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
set session_replication_role = replica
as $$
begin
  delete from public.outbox_event;
  delete from public.audit_log;
end
$$;
comment on function tap.forget_events() is
  'Empties the outbox and the audit log, so that tests see only later entries.';

create function tap.events_are(p_events text[], p_audited text[], p_description text)
returns text
language plpgsql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
begin
  return tap.is(
    json_build_object(
      'events', array(select event_type from public.outbox_event order by id),
      'audited', array(select action from public.audit_log order by cmin::text::int)
    )::text,
    json_build_object('events', p_events, 'audited', p_audited)::text,
    p_description
  );
end
$$;
comment on function tap.events_are(text[], text[], text) is
  'Asserts that the outbox has exactly these types of events, and the audit log exactly these '
  'actions, in this order.';

create function tap.event()
returns jsonb
language sql volatile security definer
set search_path = tap, public, api, pg_temp
as $$
  select jsonb_build_object(
    'type', event_type, 'subject_type', aggregate_type, 'subject_id', aggregate_id
  ) || payload
  from public.outbox_event order by id desc limit 1
$$;
comment on function tap.event() is 'Returns the last event of the outbox.';

create function tap.event_is(
  p_type text, p_actor text, p_group text, p_post text, p_subject_type text, p_subject text,
  p_description text
)
returns text
language plpgsql volatile
as $$
begin
  return tap.is(
    tap.event() - 'data' - 'occurred_at',
    jsonb_build_object(
      'type', p_type, 'actor_id', tap.the(p_actor), 'group_id', tap.the(p_group),
      'post_id', tap.the(p_post), 'subject_type', p_subject_type, 'subject_id', tap.the(p_subject)
    ),
    p_description
  );
end
$$;
comment on function tap.event_is(text, text, text, text, text, text, text) is
  'Asserts that the last event has this type, actor, group, post (or null) and subject.';

create function tap.audited()
returns jsonb
language sql volatile security definer
set search_path = tap, public, api, pg_temp
as $$ select to_jsonb(a) from public.audit_log as a order by cmin::text::int desc limit 1 $$;
comment on function tap.audited() is 'Returns the last entry of the audit log.';

grant usage on schema tap to public;
