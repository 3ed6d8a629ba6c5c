-- Errors: the registry of codes, and the only places that raise one.

create view api.error_codes as
select 'validation_failed' as code, 400 as status, 'The request is not valid.' as title
union all select 'invalid_cursor', 400, 'The cursor is not one that this service made.'
union all select 'invalid_json', 400, 'The body is not valid JSON.'
union all select 'unauthenticated', 401, 'This needs a valid token.'
union all select 'forbidden', 403, 'You may not do this.'
union all select 'banned', 403, 'You are banned from this group.'
union all select 'muted', 403, 'You are muted in this group.'
union all select 'group_locked', 403, 'This group is locked.'
union all select 'not_found', 404, 'There is no such thing.'
union all select 'method_not_allowed', 405, 'This method is not allowed here.'
union all select 'idempotency_key_reused', 409, 'The key was used for another request.'
union all select 'idempotency_in_progress', 409, 'The first request with this key is still running.'
union all select 'duplicate_reaction', 409, 'You have reacted with this emoji already.'
union all select 'slug_taken', 409, 'Another group has this slug.'
union all select 'already_member', 409, 'The user is a member already.'
union all select 'last_owner', 409, 'A group keeps at least one owner.'
union all select 'duplicate_tag', 409, 'This tag exists already.'
union all select 'parent_deleted', 409, 'What this is part of is deleted; restore that first.'
union all select 'body_too_large', 413, 'The body is too large.'
union all select 'unsupported_media_type', 415, 'The body must be application/json.'
union all select 'attachment_mismatch', 422, 'The upload is not what was announced, or not yours to link.'
union all select 'attachment_limit', 422, 'There are as many attachments as there may be.'
union all select 'mime_not_allowed', 422, 'Files of this type are not accepted.'
union all select 'rate_limited', 429, 'Too many requests.'
union all select 'too_many_uploads', 429, 'Too many pending uploads. Link some or wait.'
union all select 'unavailable', 503, 'A backing store is down; try again.';
comment on view api.error_codes is 'Every machine word of an error, its HTTP status and its title (§9).';

-- A constraint that stands behind a rule, and the code of that rule. The functions check first; this
-- is for the race that only the constraint can see.
create view api.constraint_codes as
select 'group_entity_slug_key' as constraint_name, 'slug_taken' as code
union all select 'group_member_group_id_user_id_key', 'already_member'
union all select 'join_request_pending_key', 'already_member'
union all select 'reaction_subject_type_subject_id_user_id_emoji_key', 'duplicate_reaction'
union all select 'topic_tag_tag_key', 'duplicate_tag'
union all select 'media_attachment_s3_key_key', 'attachment_mismatch'
union all select 'post_media_count_check', 'attachment_limit'
union all select 'comment_media_count_check', 'attachment_limit';
comment on view api.constraint_codes is 'The error code of each constraint that a race can violate (§9).';

create function api.fail(
  p_code text, p_message text default null, p_errors json default '[]',
  p_retry_after_seconds int default null
)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_error error_codes;
begin
  select * into strict v_error from error_codes where code = p_code;
  raise exception using
    errcode = 'PT' || v_error.status,
    message = coalesce(p_message, v_error.title),
    hint = p_code,
    detail = json_strip_nulls(
      json_build_object('errors', p_errors, 'retry_after_seconds', p_retry_after_seconds)
    )::text;
end
$$;
comment on function api.fail(text, text, json, int) is
  'Raises an error of the registry: SQLSTATE PT and the status, HINT the code. DETAIL is a JSON object: '
  'errors lists {"field", "message"}; retry_after_seconds is there when the caller may retry (§9).';

create function api.fail_constraint(p_constraint text)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform fail((select code from constraint_codes where constraint_name = p_constraint));
end
$$;
comment on function api.fail_constraint(text) is
  'Raises the error that belongs to a violated constraint (§9).';

create function api.reject_invalid(variadic p_errors json[])
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if num_nulls(variadic p_errors) < cardinality(p_errors) then
    perform fail('validation_failed', null, array_to_json(array_remove_nulls(p_errors)));
  end if;
end
$$;
comment on function api.reject_invalid(json[]) is
  'Raises validation_failed with every field error given; null means a field is right (§8, §9).';

create function api.array_remove_nulls(p_items json[])
returns json[]
language sql immutable
begin atomic
  select array_agg(item) from unnest(p_items) as item where item is not null;
end;
comment on function api.array_remove_nulls(json[]) is 'The items that are not null, in their order.';

create function api.field_error(p_field text, p_message text)
returns json
language sql stable
return json_build_object('field', p_field, 'message', p_message);
comment on function api.field_error(text, text) is 'One entry of the errors of validation_failed (§9).';
