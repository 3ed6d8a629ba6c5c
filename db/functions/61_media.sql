-- Media: a client presigns an upload, PUTs the object, and links it to a post, comment or group.
--
-- A presigned URL stays valid until it expires, so the object under its key can change after a
-- check. The caller therefore copies the object to a key that no URL can write, and links the copy:
--
-- 1. find_upload returns the type and size that the actor presigned.
--
-- 2. start_upload_copy compares them with the uploaded object, and returns a key for a copy.
--
-- 3. confirm_upload_copy compares them with the copy, and confirms it.
--
-- 4. link_attachment links the newest confirmed copy.
--
-- Each request has its own copy, so concurrent requests do not invalidate each other's. An upload
-- is copied at most ten times, because copies remain in the bucket until it expires.

create view api.uploads as
select key, mime, size_bytes, expires_at
from public.presigned_upload;
comment on view api.uploads is 'Shape of a presigned upload (rule 61.1).';

create function api.presign_upload(
  p_actor uuid, p_purpose text, p_mime text, p_size_bytes bigint, p_filename text default null
)
returns setof api.uploads
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_mime text := lower(p_mime);
begin
  perform require_actor(p_actor);
  perform lock_presigns(p_actor);
  perform reject_invalid(
    check_choice('purpose', p_purpose, 'post', 'comment', 'avatar', 'cover'),
    check_text('mime', p_mime, 1, 255),
    check_text('filename', p_filename, 0, 255),
    case when p_size_bytes is null or p_size_bytes not between 1 and 104857600
      then field_error('size_bytes', 'is not between 1 and 104857600') end
  );
  if not exists (select from media_type where mime = v_mime)
    or (p_purpose in ('avatar', 'cover') and v_mime not like 'image/%')
  then
    perform fail('mime_not_allowed');
  end if;
  perform require_presign_capacity(p_actor);
  return query
    insert into presigned_upload (key, actor_id, purpose, mime, size_bytes, filename, expires_at)
    values (
      'uploads/' || random_code(43), p_actor, p_purpose, v_mime, p_size_bytes, p_filename,
      now() + interval '15 minutes'
    )
    returning key, mime, size_bytes, expires_at;
end
$$;
comment on function api.presign_upload(uuid, text, text, bigint, text) is
  'Creates a presigned upload: an unguessable key for one actor, purpose, type and size, valid for '
  '15 minutes. Raises unauthenticated, validation_failed, mime_not_allowed, too_many_uploads '
  '(rules 61.1, 61.2, 61.4 and 61.5).';

create function api.require_presign_capacity(p_actor uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_pending bigint;
  v_expiry timestamptz;
begin
  select count(*), min(expires_at) into v_pending, v_expiry
  from presigned_upload
  where actor_id = p_actor and linked_at is null and expires_at > now();
  if v_pending >= 100 then
    perform fail(
      'too_many_uploads', p_retry_after_seconds => ceil(extract(epoch from v_expiry - now()))::int
    );
  end if;
end
$$;
comment on function api.require_presign_capacity(uuid) is
  'Raises too_many_uploads when the actor has 100 presigned uploads that are neither linked nor '
  'expired. retry_after_seconds is the time until the first of them expires (rules 61.3 and 01.5).';

create function api.find_upload(
  p_actor uuid, p_key text, p_subject_type text default null, p_subject_id uuid default null
)
returns setof api.uploads
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  if p_subject_type is not null and not may_attach(p_actor, p_subject_type, p_subject_id) then
    return;
  end if;
  return query
    select u.key, u.mime, u.size_bytes, u.expires_at
    from presigned_upload as u
    where u.key = p_key and u.actor_id = p_actor and u.linked_at is null and u.expires_at > now();
end
$$;
comment on function api.find_upload(uuid, text, text, uuid) is
  'Returns an upload that the actor presigned and may still link. Returns no row if it is linked '
  'or expired, or if the actor may not attach to the given subject. Raises unauthenticated (rules '
  '61.6 and 61.13).';

create function api.start_upload_copy(p_actor uuid, p_key text, p_mime text, p_size_bytes bigint)
returns text
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_copy_key text := 'media/' || random_code(43);
begin
  perform require_actor(p_actor);
  update presigned_upload set copies = copies + 1
  where key = p_key and actor_id = p_actor and mime = lower(p_mime) and size_bytes = p_size_bytes
    and linked_at is null and copies < 10;
  if not found then
    return null;
  end if;
  insert into upload_copy (key, upload_key) values (v_copy_key, p_key);
  return v_copy_key;
end
$$;
comment on function api.start_upload_copy(uuid, text, text, bigint) is
  'Returns a new key, to which the caller copies the uploaded object. Returns null if the type or '
  'size of the object differs from the presigned one. Returns null also if the upload is linked or '
  'was copied ten times. Raises unauthenticated (rules 61.7 and 61.13).';

create function api.confirm_upload_copy(
  p_actor uuid, p_key text, p_copy_key text, p_mime text, p_size_bytes bigint
)
returns boolean
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  update upload_copy as c set is_confirmed = true
  from presigned_upload as u
  where c.key = p_copy_key and c.upload_key = p_key and u.key = p_key and u.actor_id = p_actor
    and u.mime = lower(p_mime) and u.size_bytes = p_size_bytes;
  return found;
end
$$;
comment on function api.confirm_upload_copy(uuid, text, text, text, bigint) is
  'Confirms a copy, so that it can be linked, if its type and size are the presigned ones. Returns '
  'whether they are. Raises unauthenticated (rules 61.6 and 61.7).';

create function api.claim_upload(p_actor uuid, p_key text, variadic p_purposes text[])
returns public.presigned_upload
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_upload presigned_upload;
begin
  update presigned_upload as u set linked_at = now(), final_key = c.key
  from (
    select key from upload_copy
    where upload_key = p_key and is_confirmed
    order by created_at desc, key limit 1
  ) as c
  where u.key = p_key and u.actor_id = p_actor and u.purpose = any (p_purposes)
    and u.linked_at is null and u.expires_at > now()
  returning u.* into v_upload;
  if not found then
    perform fail('attachment_mismatch');
  end if;
  -- Until its URL expires, a client can write the object again.
  insert into orphaned_object (key, due_at) values (v_upload.key, v_upload.expires_at);
  return v_upload;
end
$$;
comment on function api.claim_upload(uuid, text, text[]) is
  'Marks an upload as linked and returns it with the key of its copy. Raises attachment_mismatch '
  'unless the actor presigned it for one of these purposes, a copy was confirmed, and it is '
  'neither linked nor expired (rule 61.6).';

-- Linking -----------------------------------------------------------------------------------------

create function api.enter_media_subject(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v_standing standing;
begin
  if p_subject_type = 'group' then
    v_standing := require_visible_group(p_actor, p_subject_id);
    perform require_rank(v_standing, 'admin');
  else
    v_standing := require_visible_subject(p_actor, p_subject_type, p_subject_id);
    perform require_author(v_standing, p_actor);
    perform require_may_write(v_standing);
  end if;
  perform require_not_deleted(v_standing);
  perform require_attachment_capacity(p_subject_type, p_subject_id);
  return v_standing;
end
$$;
comment on function api.enter_media_subject(uuid, text, uuid) is
  'Returns the standing of an actor who may attach to the subject: the author of a post or '
  'comment, or an admin of a group. Raises not_found, forbidden, banned, muted, attachment_limit '
  '(rules 61.8 and 61.9).';

create function api.require_attachment_capacity(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if exists (
    select from post
    where p_subject_type = 'post' and id = p_subject_id and media_count >= 10
    union all
    select from comment
    where p_subject_type = 'comment' and id = p_subject_id and media_count >= 3
  ) then
    perform fail('attachment_limit');
  end if;
end
$$;
comment on function api.require_attachment_capacity(text, uuid) is
  'Raises attachment_limit when a post has 10 attachments or a comment 3 (rule 61.8).';

create function api.may_attach(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns boolean
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform enter_media_subject(p_actor, p_subject_type, p_subject_id);
  return true;
exception when others then
  if sqlstate not like 'PT%' then
    raise;
  end if;
  return false;
end
$$;
comment on function api.may_attach(uuid, text, uuid) is
  'Returns whether enter_media_subject would let the actor attach to the subject (rule 61.13).';

create function api.link_attachment(
  p_actor uuid, p_key text, p_subject_type text, p_subject_id uuid, p_width int default null,
  p_height int default null
)
returns setof api.media
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_media media_attachment;
begin
  perform require_actor(p_actor);
  perform reject_invalid(
    check_choice('subject_type', p_subject_type, 'post', 'comment', 'group'),
    case when p_width < 1 then field_error('width', 'is less than 1') end,
    case when p_height < 1 then field_error('height', 'is less than 1') end
  );
  perform lock_media_subject(p_subject_type, p_subject_id);
  v_standing := enter_media_subject(p_actor, p_subject_type, p_subject_id);
  if p_subject_type = 'group' then
    v_media := link_group_image(p_actor, p_subject_id, p_key, p_width, p_height);
  else
    v_media := insert_attachment(
      claim_upload(p_actor, p_key, p_subject_type), v_standing, p_subject_type, p_subject_id,
      p_width, p_height
    );
  end if;
  return query select * from media_shape(v_media);
end
$$;
comment on function api.link_attachment(uuid, text, text, uuid, int, int) is
  'Links an upload to a post or comment, or to a group as its avatar or cover. Requires the author '
  'of the post or comment, or an admin of the group. Raises unauthenticated, validation_failed, '
  'not_found, forbidden, banned, muted, attachment_limit, attachment_mismatch (rules 61.6, 61.8, '
  '61.9 and 61.14).';

create function api.insert_attachment(
  p_upload public.presigned_upload, p_standing api.standing, p_subject_type text, p_subject_id uuid,
  p_width int, p_height int
)
returns public.media_attachment
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_media media_attachment;
begin
  insert into media_attachment (
    group_id, post_id, subject_type, subject_id, s3_key, mime, size_bytes, width, height, created_by
  )
  values (
    p_standing.group_id, p_standing.post_id, p_subject_type, p_subject_id, p_upload.final_key,
    p_upload.mime, p_upload.size_bytes, p_width, p_height, p_upload.actor_id
  )
  returning * into v_media;
  perform emit(
    'attachment.added', p_upload.actor_id, v_media.group_id, v_media.post_id, p_subject_type,
    p_subject_id, row_to_json(d)
  ) from media_shape(v_media) as d;
  return v_media;
end
$$;
comment on function api.insert_attachment(
  public.presigned_upload, api.standing, text, uuid, int, int
) is
  'Inserts the attachment of a claimed upload and emits its event (rule 61.7).';

create function api.remove_attachment(p_actor uuid, p_attachment_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_standing standing;
  v_media media_attachment;
begin
  perform require_actor(p_actor);
  select * into v_media from media_attachment where id = p_attachment_id;
  if not found then
    perform fail('not_found');
  end if;
  perform lock_media_subject(v_media.subject_type, v_media.subject_id);
  v_standing := case v_media.subject_type
    when 'group' then require_visible_group(p_actor, v_media.subject_id)
    else require_visible_subject(p_actor, v_media.subject_type, v_media.subject_id)
  end;
  perform require_author_or_moderator(v_standing, p_actor);
  perform require_not_deleted(v_standing);
  if v_media.subject_type = 'group' then
    perform unlink_group_image(p_actor, v_media);
  else
    perform delete_attachment(p_actor, v_media);
  end if;
end
$$;
comment on function api.remove_attachment(uuid, uuid) is
  'Removes an attachment. Requires the author of its subject, or a moderator. Raises '
  'unauthenticated, not_found, banned, forbidden (rule 61.10).';

create function api.delete_attachment(p_actor uuid, p_media public.media_attachment)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  delete from media_attachment where id = p_media.id;
  if not found then
    perform fail('not_found');
  end if;
  perform record(
    'attachment.removed', p_actor, p_media.group_id, p_media.post_id, p_media.subject_type,
    p_media.subject_id, removal_data(p_media.id, now()), row_to_json(d)
  ) from media_shape(p_media) as d;
end
$$;
comment on function api.delete_attachment(uuid, public.media_attachment) is
  'Deletes an attachment and records it. Raises not_found when a concurrent call deleted it first '
  '(rule 61.10).';

create function api.tg_media_attachment__orphan()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  insert into orphaned_object (key) values (old.s3_key) on conflict (key) do nothing;
  return null;
end
$$;
comment on function api.tg_media_attachment__orphan() is
  'Marks the object of a deleted attachment as orphaned, also when a cascade deleted it (rule '
  '61.11).';

create trigger tg_media_attachment__orphan after delete on public.media_attachment
for each row execute function api.tg_media_attachment__orphan();

-- Images of groups: avatar and cover --------------------------------------------------------------

create function api.replace_group_image(
  p_actor uuid, p_group_id uuid, p_purpose text, p_key text, p_width int default null,
  p_height int default null
)
returns text
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old media_attachment;
  v_media media_attachment;
begin
  select m.* into v_old
  from media_attachment as m join group_entity as g on g.id = m.group_id
  where g.id = p_group_id and m.subject_type = 'group' and m.subject_id = g.id
    and m.s3_key = case p_purpose when 'avatar' then g.avatar_key else g.cover_key end;
  if found then
    perform delete_attachment(p_actor, v_old);
  end if;
  if p_key is not null then
    v_media := insert_attachment(
      claim_upload(p_actor, p_key, p_purpose), require_visible_group(p_actor, p_group_id), 'group',
      p_group_id, p_width, p_height
    );
  end if;
  return v_media.s3_key;
end
$$;
comment on function api.replace_group_image(uuid, uuid, text, text, int, int) is
  'Removes the avatar or cover of a group, and links the given upload in its place. Returns the '
  'key of the new object, which the caller writes to the group. Raises attachment_mismatch (rule '
  '10.12).';

create function api.link_group_image(
  p_actor uuid, p_group_id uuid, p_key text, p_width int, p_height int
)
returns public.media_attachment
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_purpose text := (select purpose from presigned_upload where key = p_key);
  v_key text;
  v_old group_entity;
  v_new group_entity;
  v_media media_attachment;
begin
  select * into v_old from group_entity where id = p_group_id;
  v_new := v_old;
  if v_purpose is null or v_purpose not in ('avatar', 'cover') then
    perform fail('attachment_mismatch');
  end if;
  v_key := replace_group_image(p_actor, p_group_id, v_purpose, p_key, p_width, p_height);
  if v_purpose = 'avatar' then
    v_new.avatar_key := v_key;
  else
    v_new.cover_key := v_key;
  end if;
  perform record_group_change('group.updated', p_actor, v_old, save_group(v_new));
  select * into v_media from media_attachment where s3_key = v_key;
  return v_media;
end
$$;
comment on function api.link_group_image(uuid, uuid, text, int, int) is
  'Makes an upload the avatar or cover of a group, depending on the presigned purpose. Raises '
  'attachment_mismatch (rule 10.12).';

create function api.unlink_group_image(p_actor uuid, p_media public.media_attachment)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_entity;
  v_new group_entity;
begin
  select * into v_old from group_entity where id = p_media.subject_id;
  perform delete_attachment(p_actor, p_media);
  v_new := v_old;
  v_new.avatar_key := nullif(v_old.avatar_key, p_media.s3_key);
  v_new.cover_key := nullif(v_old.cover_key, p_media.s3_key);
  perform record_group_change('group.updated', p_actor, v_old, save_group(v_new));
end
$$;
comment on function api.unlink_group_image(uuid, public.media_attachment) is
  'Removes an avatar or cover from its group (rule 61.10).';

-- Sweeping ----------------------------------------------------------------------------------------
--
-- The sweeper deletes an object from the bucket before its row, so that a crash leaves no object
-- without a row. The store refuses an expired URL, but completes a PUT that began before the
-- expiry. Such a PUT leaves an object without a row; the sweeper finds it by listing the bucket
-- (mark_orphaned_objects).

create function api.sweep_uploads(p_most int default 1000)
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_swept int;
begin
  with expired as (
    delete from presigned_upload
    where key in (
      select key from presigned_upload
      where expires_at <= now() - interval '1 minute'
      order by expires_at limit p_most
      for update skip locked
    )
    returning *
  ), orphaned as (
    insert into orphaned_object (key)
    select key from expired where linked_at is null
    union all
    select c.key from upload_copy as c
    join expired as e on e.key = c.upload_key and c.key is distinct from e.final_key
    on conflict (key) do nothing
  )
  select count(*) into v_swept from expired;
  return v_swept;
end
$$;
comment on function api.sweep_uploads(int) is
  'Deletes at most p_most uploads that expired more than a minute ago, and marks their objects as '
  'orphaned, except for linked copies. Returns the number of deleted uploads (rules 61.2 and '
  '61.11).';

create view api.orphaned_objects as
select key, due_at
from public.orphaned_object;
comment on view api.orphaned_objects is
  'Shape of an object that the sweeper deletes from the bucket (rule 61.11).';

create function api.find_orphaned_objects(p_most int default 1000)
returns setof api.orphaned_objects
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  return query select * from orphaned_objects where due_at <= now() order by due_at limit p_most;
end
$$;
comment on function api.find_orphaned_objects(int) is
  'Returns at most p_most objects that are due for deletion from the bucket (rule 61.11).';

create function api.clear_orphaned_objects(p_keys text[])
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  delete from orphaned_object where key = any (p_keys) and due_at <= now();
end
$$;
comment on function api.clear_orphaned_objects(text[]) is
  'Deletes the rows of objects that the caller has deleted from the bucket (rule 61.15).';

create function api.postpone_orphaned_objects(p_keys text[])
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  update orphaned_object set due_at = now() + interval '1 hour'
  where key in (
    select key from orphaned_object where key = any (p_keys) and due_at <= now()
    for update skip locked
  );
end
$$;
comment on function api.postpone_orphaned_objects(text[]) is
  'Postpones by an hour the deletion of objects that the store refuses to delete, so that they do '
  'not block others (rule 61.12).';

create function api.mark_orphaned_objects(p_keys text[])
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_orphaned int;
begin
  insert into orphaned_object (key)
  select o.key from unnest(p_keys) as o (key)
  where not exists (select from presigned_upload as u where u.key = o.key)
    and not exists (select from upload_copy as c where c.key = o.key)
    and not exists (select from media_attachment as m where m.s3_key = o.key)
  order by o.key
  on conflict (key) do nothing;
  get diagnostics v_orphaned = row_count;
  return v_orphaned;
end
$$;
comment on function api.mark_orphaned_objects(text[]) is
  'Marks the objects that no upload, copy or attachment refers to as orphaned. Returns the number '
  'of marked objects (rule 61.11).';

create function api.tg_group_entity__remove_subject()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  delete from media_attachment where subject_type = 'group' and subject_id = old.id;
  return null;
end
$$;
comment on function api.tg_group_entity__remove_subject() is
  'Deletes the avatar and cover of a hard-deleted group (rule 80.3).';

create trigger tg_group_entity__remove_subject after delete on public.group_entity
for each row execute function api.tg_group_entity__remove_subject();
