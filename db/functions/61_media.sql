-- Media (§4): an upload is announced, put by the client, copied to its final key, and linked.
--
-- The database can't look into the bucket. So whoever is about to use a key copies the object to its
-- final key, which no URL that was handed out can overwrite, and reports what is there: find_upload
-- tells where, a new place each time, so that nobody copies onto what another one has linked, and
-- confirm_upload takes the report. Then the function that uses the key decides.
--
-- Whoever is refused may try again, and each try copies the object to one more place, where it stays
-- until the upload has expired. So it is copied ten times at most, and the last copy is what can be
-- linked then; and it is not copied at all for a subject that the actor may not attach to.

create view api.uploads as
select key, final_key, mime, size_bytes, expires_at
from public.presigned_upload;
comment on view api.uploads is 'Shape of an upload that was announced (§4).';

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
  v_upload uploads;
begin
  perform require_actor(p_actor);
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
  insert into presigned_upload (
    key, final_key, actor_id, purpose, mime, size_bytes, filename, expires_at
  )
  values (
    'uploads/' || random_code(43), 'media/' || random_code(43), p_actor, p_purpose, v_mime,
    p_size_bytes, p_filename, now() + interval '15 minutes'
  )
  returning key, final_key, mime, size_bytes, expires_at into v_upload;
  return next v_upload;
end
$$;
comment on function api.presign_upload(uuid, text, text, bigint, text) is
  'Announces an upload: its key, which nobody can guess, is bound to the actor, purpose, type and size '
  'and good for 15 minutes. Raises unauthenticated, validation_failed, mime_not_allowed (§4, §8).';

create function api.find_upload(
  p_actor uuid, p_key text, p_subject_type text default null, p_subject_id uuid default null
)
returns setof api.uploads
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_upload presigned_upload;
begin
  perform require_actor(p_actor);
  if p_subject_type is not null and not may_attach(p_actor, p_subject_type, p_subject_id) then
    return;
  end if;
  select * into v_upload
  from presigned_upload
  where key = p_key and actor_id = p_actor and linked_at is null and expires_at > now() and copies < 10
  for update;
  if not found then
    return;
  end if;
  -- A place for this caller alone. Who was given another one may still be writing there.
  insert into orphaned_object (key, due_at)
  values (v_upload.final_key, v_upload.expires_at + interval '1 minute')
  on conflict (key) do nothing;
  return query
    update presigned_upload as u
    set final_key = 'media/' || random_code(43), stored_mime = null, stored_size = null
    where u.key = p_key
    returning u.key, u.final_key, u.mime, u.size_bytes, u.expires_at;
end
$$;
comment on function api.find_upload(uuid, text, text, uuid) is
  'A new place for the object of an upload, where only this caller copies it; no row unless the actor '
  'announced it, it is not linked yet, has not expired and was not copied ten times; nor where the actor '
  'may attach nothing to the subject, if one is given. Raises unauthenticated (§4).';

create function api.confirm_upload(
  p_actor uuid, p_key text, p_place text, p_mime text, p_size_bytes bigint
)
returns boolean
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  perform require_actor(p_actor);
  if p_place = p_key then
    -- Who is told yes goes on and copies it.
    update presigned_upload set copies = copies + 1
    where key = p_key and actor_id = p_actor and lower(p_mime) = mime and p_size_bytes = size_bytes
      and linked_at is null and copies < 10;
    return found;
  end if;
  update presigned_upload set stored_mime = lower(p_mime), stored_size = p_size_bytes
  where key = p_key and actor_id = p_actor and final_key = p_place and linked_at is null;
  return exists (
    select from presigned_upload
    where key = p_key and actor_id = p_actor and p_place = final_key
      and lower(p_mime) = mime and p_size_bytes = size_bytes
  );
end
$$;
comment on function api.confirm_upload(uuid, text, text, text, bigint) is
  'Whether what was found at a place of an upload, its key or its final key, is what was announced; of '
  'the final one that is taken down, and of its key whether it may be copied, which it may ten times. '
  'Raises unauthenticated (§4).';

create function api.claim_upload(p_actor uuid, p_key text, variadic p_purposes text[])
returns public.presigned_upload
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_upload presigned_upload;
begin
  update presigned_upload set linked_at = now()
  where key = p_key and actor_id = p_actor and purpose = any (p_purposes) and linked_at is null
    and expires_at > now() and stored_mime = mime and stored_size = size_bytes
  returning * into v_upload;
  if not found then
    perform fail('attachment_mismatch');
  end if;
  -- Its URL works until it expires, and may write the object again.
  insert into orphaned_object (key, due_at) values (v_upload.key, v_upload.expires_at);
  return v_upload;
end
$$;
comment on function api.claim_upload(uuid, text, text[]) is
  'Uses an upload up. Raises attachment_mismatch unless the actor announced it for one of these '
  'purposes, it was found to be what was announced, and it is not linked yet (§4).';

create function api.enter_media_subject(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns api.standing
language plpgsql stable
set search_path = public, api, pg_temp
as $$
declare
  v standing;
begin
  if p_subject_type = 'group' then
    v := enter_group(p_actor, p_subject_id);
    perform require_rank(v, 'admin');
  else
    v := enter_subject(p_actor, p_subject_type, p_subject_id);
    perform require_author(v, p_actor);
    perform require_may_write(v);
  end if;
  perform require_not_deleted(v);
  return v;
end
$$;
comment on function api.enter_media_subject(uuid, text, uuid) is
  'How the actor stands to what is to get an attachment. Raises not_found, forbidden, banned, muted '
  'unless the actor wrote it, or is an admin of the group (§2).';

create function api.may_attach(p_actor uuid, p_subject_type text, p_subject_id uuid)
returns boolean
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  perform enter_media_subject(p_actor, p_subject_type, p_subject_id);
  perform require_room(p_subject_type, p_subject_id);
  return true;
exception when others then
  if sqlstate not like 'PT%' then
    raise;
  end if;
  return false;
end
$$;
comment on function api.may_attach(uuid, text, uuid) is
  'Whether link_attachment would not refuse the actor for this subject (§2, §8).';

create function api.lock_media_subject(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  case p_subject_type
    when 'group' then perform lock_group(p_subject_id);
    when 'post' then perform lock_post(p_subject_id);
    when 'comment' then perform lock_comment(p_subject_id);
  end case;
end
$$;
comment on function api.lock_media_subject(text, uuid) is
  'Makes those who attach to one subject take turns: its attachments are limited.';

create function api.require_room(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if exists (select from post where p_subject_type = 'post' and id = p_subject_id and media_count >= 10)
    or exists (
      select from comment where p_subject_type = 'comment' and id = p_subject_id and media_count >= 3
    )
  then
    perform fail('attachment_limit');
  end if;
end
$$;
comment on function api.require_room(text, uuid) is
  'Raises attachment_limit when a post has 10 attachments or a comment 3 (§8).';

create function api.attach(
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
comment on function api.attach(
  public.presigned_upload, api.standing, text, uuid, int, int
) is 'Writes an attachment and its event (§4).';

create function api.detach(p_actor uuid, p_media public.media_attachment)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  delete from media_attachment where id = p_media.id;
  perform record(
    'attachment.removed', p_actor, p_media.group_id, p_media.post_id, p_media.subject_type,
    p_media.subject_id, removal(p_media.id, now()), row_to_json(d)
  ) from media_shape(p_media) as d;
end
$$;
comment on function api.detach(uuid, public.media_attachment) is
  'Removes an attachment, and its object in time (§4).';

create function api.change_picture(
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
    perform detach(p_actor, v_old);
  end if;
  if p_key is not null then
    v_media := attach(
      claim_upload(p_actor, p_key, p_purpose), enter_group(p_actor, p_group_id), 'group', p_group_id,
      p_width, p_height
    );
  end if;
  return v_media.s3_key;
end
$$;
comment on function api.change_picture(uuid, uuid, text, text, int, int) is
  'Puts an upload in the place of a group''s avatar or cover, or nothing; the final key, which its caller '
  'writes to the group. Raises attachment_mismatch (§4, §5).';

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
  v standing;
  v_media media_attachment;
begin
  perform require_actor(p_actor);
  perform reject_invalid(
    check_choice('subject_type', p_subject_type, 'post', 'comment', 'group'),
    case when p_width < 1 then field_error('width', 'is less than 1') end,
    case when p_height < 1 then field_error('height', 'is less than 1') end
  );
  perform lock_media_subject(p_subject_type, p_subject_id);
  v := enter_media_subject(p_actor, p_subject_type, p_subject_id);
  perform require_room(p_subject_type, p_subject_id);
  if p_subject_type = 'group' then
    v_media := link_picture(p_actor, p_subject_id, p_key, p_width, p_height);
  else
    v_media := attach(
      claim_upload(p_actor, p_key, p_subject_type), v, p_subject_type, p_subject_id, p_width, p_height
    );
  end if;
  return query select * from media_shape(v_media);
end
$$;
comment on function api.link_attachment(uuid, text, text, uuid, int, int) is
  'Links an upload to a post or comment, for its author, or to a group as its avatar or cover, for '
  'admins. Raises unauthenticated, validation_failed, not_found, forbidden, banned, muted, '
  'attachment_limit, attachment_mismatch (§4, §8).';

create function api.link_picture(
  p_actor uuid, p_group_id uuid, p_key text, p_width int, p_height int
)
returns public.media_attachment
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_purpose text := (select purpose from presigned_upload where key = p_key);
  v_old group_entity;
  v_new group_entity;
  v_key text;
  v_media media_attachment;
begin
  select * into v_old from group_entity where id = p_group_id;
  v_new := v_old;
  case v_purpose
    when 'avatar', 'cover' then
      v_key := change_picture(p_actor, p_group_id, v_purpose, p_key, p_width, p_height);
    else perform fail('attachment_mismatch');
  end case;
  v_new.avatar_key := case v_purpose when 'avatar' then v_key else v_old.avatar_key end;
  v_new.cover_key := case v_purpose when 'cover' then v_key else v_old.cover_key end;
  v_new := save_group(v_new);
  perform record_group_change('group.updated', p_actor, v_old, v_new);
  select * into v_media from media_attachment where s3_key = v_key;
  return v_media;
end
$$;
comment on function api.link_picture(uuid, uuid, text, int, int) is
  'Makes an upload the avatar or cover of a group, as its purpose says. Raises attachment_mismatch (§5).';

create function api.remove_attachment(p_actor uuid, p_attachment_id uuid)
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v standing;
  v_media media_attachment;
begin
  perform require_actor(p_actor);
  select * into v_media from media_attachment where id = p_attachment_id;
  if not found then
    perform fail('not_found');
  end if;
  perform lock_media_subject(v_media.subject_type, v_media.subject_id);
  v := case v_media.subject_type
    when 'group' then enter_group(p_actor, v_media.subject_id)
    else enter_subject(p_actor, v_media.subject_type, v_media.subject_id)
  end;
  perform require_author_or_moderator(v, p_actor);
  perform require_not_deleted(v);
  perform from media_attachment where id = p_attachment_id for update;
  if not found then
    perform fail('not_found');
  end if;
  if v_media.subject_type = 'group' then
    perform drop_picture(p_actor, v_media);
  else
    perform detach(p_actor, v_media);
  end if;
end
$$;
comment on function api.remove_attachment(uuid, uuid) is
  'Removes an attachment; for the author of what it is attached to, and moderators. Raises '
  'unauthenticated, not_found, banned, forbidden (§2).';

create function api.drop_picture(p_actor uuid, p_media public.media_attachment)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_old group_entity;
  v_new group_entity;
begin
  select * into v_old from group_entity where id = p_media.subject_id;
  perform detach(p_actor, p_media);
  v_new := v_old;
  v_new.avatar_key := nullif(v_old.avatar_key, p_media.s3_key);
  v_new.cover_key := nullif(v_old.cover_key, p_media.s3_key);
  v_new := save_group(v_new);
  perform record_group_change('group.updated', p_actor, v_old, v_new);
end
$$;
comment on function api.drop_picture(uuid, public.media_attachment) is
  'Removes a group''s picture from the group.';

-- Sweeping -----------------------------------------------------------------------------------------
--
-- Objects are removed first and forgotten then, so none is lost sight of. A store begins no upload
-- with an expired URL, but it ends those that have begun; so what is put late is found by looking into
-- the bucket (mark_stray_objects).

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
  'The object of an attachment goes when its row does, however that goes (§4).';

create trigger tg_media_attachment__orphan after delete on public.media_attachment
for each row execute function api.tg_media_attachment__orphan();

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
    select unnest(array[key, final_key]) from expired where linked_at is null
    on conflict (key) do nothing
  )
  select count(*) into v_swept from expired;
  return v_swept;
end
$$;
comment on function api.sweep_uploads(int) is
  'Forgets at most p_most uploads that have expired, and orphans the objects of those never linked; how '
  'many it forgot (§4).';

create view api.orphaned_objects as
select key, due_at
from public.orphaned_object;
comment on view api.orphaned_objects is 'Shape of an object that is to be removed from the bucket (§4).';

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
  'At most p_most objects to remove from the bucket now (§4).';

create function api.forget_orphaned_objects(p_keys text[])
returns void
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
begin
  delete from orphaned_object where key = any (p_keys) and due_at <= now();
end
$$;
comment on function api.forget_orphaned_objects(text[]) is
  'Forgets objects that have been removed from the bucket (§4).';

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
  'Leaves objects that the store refuses to remove for an hour, so that others have their turn (§4).';

create function api.mark_stray_objects(p_keys text[])
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_orphaned int;
begin
  insert into orphaned_object (key)
  select stray.key from unnest(p_keys) as stray (key)
  where not exists (select from presigned_upload as u where u.key = stray.key)
    and not exists (select from presigned_upload as u where u.final_key = stray.key)
    and not exists (select from media_attachment as m where m.s3_key = stray.key)
  order by stray.key
  on conflict (key) do nothing;
  get diagnostics v_orphaned = row_count;
  return v_orphaned;
end
$$;
comment on function api.mark_stray_objects(text[]) is
  'Marks as orphaned those objects that belong to no upload and no attachment; how many. Whoever is still writing '
  'when an upload expires leaves one (§4).';
