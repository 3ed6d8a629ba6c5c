-- Errors: the registry of codes, and the functions that raise them.

create view api.error_codes as
select
  'validation_failed' as code, 400 as status,
  'Invalid request. Correct the fields listed in errors.' as title
union all select 'invalid_cursor', 400, 'Invalid cursor. Start again at the first page.'
union all select 'invalid_json', 400, 'The body is not valid JSON.'
union all select 'unauthenticated', 401, 'Authentication required. Send a valid bearer token.'
union all select 'forbidden', 403, 'You do not have permission for this action.'
union all select 'banned', 403, 'You are banned from this group.'
union all select 'muted', 403, 'You are muted in this group.'
union all select 'group_locked', 403, 'This group is locked. Only moderators can post.'
union all select 'not_found', 404, 'Not found.'
union all select 'method_not_allowed', 405, 'Method not allowed.'
union all select 'idempotency_key_reused', 409, 'Idempotency key already used. Use a new key.'
union all select 'idempotency_in_progress', 409, 'The first request is in progress. Retry later.'
union all select 'duplicate_reaction', 409, 'You already reacted with this emoji.'
union all select 'too_many_emoji', 409, 'Emoji limit reached. Use an emoji of this post or comment.'
union all select 'slug_taken', 409, 'Slug already in use. Choose another slug.'
union all select 'already_member', 409, 'The user is already a member of this group.'
union all select 'last_owner', 409, 'A group must keep an owner. Make another member owner first.'
union all select 'duplicate_tag', 409, 'This tag already exists.'
union all select 'parent_deleted', 409, 'The parent is deleted. Restore it first.'
union all select 'body_too_large', 413, 'The body is too large.'
union all select 'unsupported_media_type', 415, 'The body must be application/json.'
union all select 'attachment_mismatch', 422, 'Upload rejected. Presign and upload the file again.'
union all select 'attachment_limit', 422, 'Attachment limit reached.'
union all select 'mime_not_allowed', 422, 'File type not allowed.'
union all select 'rate_limited', 429, 'Too many requests. Retry later.'
union all select 'too_many_uploads', 429, 'Too many pending uploads. Link some or wait.'
union all select 'unavailable', 503, 'Service unavailable. Retry later.';
comment on view api.error_codes is
  'Code of every error, with its HTTP status and title (rule 01.1).';

-- Functions check a rule before they write. A constraint catches concurrent writes, which they
-- cannot see.
create view api.constraint_codes as
select 'group_entity_slug_key' as constraint_name, 'slug_taken' as code
union all select 'group_member_group_id_user_id_key', 'already_member'
union all select 'join_request_pending_key', 'already_member'
union all select 'reaction_subject_type_subject_id_user_id_emoji_key', 'duplicate_reaction'
union all select 'topic_tag_tag_key', 'duplicate_tag'
union all select 'media_attachment_s3_key_key', 'attachment_mismatch'
union all select 'post_media_count_check', 'attachment_limit'
union all select 'comment_media_count_check', 'attachment_limit';
comment on view api.constraint_codes is
  'Error code of each constraint that a race can violate (rule 01.3).';

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
  'Raises a registered error: SQLSTATE PT and the status, HINT the code. DETAIL is a JSON object: '
  'errors lists {"field", "message"}; retry_after_seconds is present if the caller may retry '
  '(rules 01.2, 01.5 and 01.6).';

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
  'Raises the registered error of a violated constraint (rule 01.3).';

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
  'Raises validation_failed with the field errors that are not null, if there are any (rule 01.4).';

create function api.array_remove_nulls(p_items json[])
returns json[]
language sql immutable
begin atomic
  select array_agg(item) from unnest(p_items) as item where item is not null;
end;
comment on function api.array_remove_nulls(json[]) is
  'Returns the items that are not null, in order.';

create function api.field_error(p_field text, p_message text)
returns json
language sql stable
return json_build_object('field', p_field, 'message', p_message);
comment on function api.field_error(text, text) is
  'Returns one entry of the errors of validation_failed.';
