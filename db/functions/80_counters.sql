-- Counters of posts, comments and groups. Triggers update them in the transaction of the change:
-- insert, soft delete, restore, cascade or hard delete. A CHECK constraint keeps each at zero or
-- above (rules 80.1, 80.2, 80.3 and 07.5).
--
-- Inserts lock the counter's parent last, by these triggers, so that a hot post is only locked
-- briefly. No other transaction can lock the new row. Updates and deletes lock the parent first.

-- Comments of a post ------------------------------------------------------------------------------

create function api.tg_comment__count_new()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v record;
begin
  for v in
    select post_id, count(*)::int as n from new_rows
    where deleted_at is null
    group by post_id order by post_id
  loop
    update post set comments_count = comments_count + v.n
    where id = v.post_id and deleted_at is null;
    if not found then
      perform fail('not_found');
    end if;
  end loop;
  -- The lock on the post makes every earlier deletion of a parent visible here.
  if exists (
    select from new_rows as n join comment as parent on parent.id = n.parent_id
    where parent.deleted_at is not null
  ) then
    perform fail('not_found');
  end if;
  return null;
end
$$;
comment on function api.tg_comment__count_new() is
  'Adds new comments to the counters of their posts. Raises not_found if the post or the parent '
  'was deleted concurrently (rules 40.10, 80.1 and 80.5).';

create trigger tg_comment__count_new after insert on public.comment
referencing new table as new_rows
for each statement execute function api.tg_comment__count_new();

create function api.tg_comment__count_deleted()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  update post
  set comments_count = comments_count + case when new.deleted_at is null then 1 else -1 end
  where id = new.post_id;
  perform refresh_tombstones(new.parent_id);
  return null;
end
$$;
comment on function api.tg_comment__count_deleted() is
  'Subtracts a comment from the counter of its post when it is soft-deleted, and adds it when it '
  'is restored (rules 80.3 and 80.5).';

create trigger tg_comment__count_deleted after update on public.comment
for each row
when ((old.deleted_at is null) is distinct from (new.deleted_at is null))
execute function api.tg_comment__count_deleted();

create function api.tg_comment__count_removed()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v record;
begin
  delete from reaction
  where subject_type = 'comment' and subject_id in (select id from old_rows);
  delete from media_attachment
  where subject_type = 'comment' and subject_id in (select id from old_rows);
  for v in
    select post_id, count(*) filter (where deleted_at is null)::int as n from old_rows
    group by post_id order by post_id
  loop
    update post set comments_count = comments_count - v.n where id = v.post_id and v.n > 0;
  end loop;
  for v in select distinct parent_id from old_rows where parent_id is not null order by 1 loop
    perform refresh_tombstones(v.parent_id);
  end loop;
  return null;
end
$$;
comment on function api.tg_comment__count_removed() is
  'Deletes the reactions and attachments of hard-deleted comments, and subtracts the comments from '
  'the counters of their posts (rules 80.3 and 80.5).';

create trigger tg_comment__count_removed after delete on public.comment
referencing old table as old_rows
for each statement execute function api.tg_comment__count_removed();

-- Reactions ---------------------------------------------------------------------------------------

create function api.tg_reaction__count_new()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v record;
begin
  for v in
    select subject_type, subject_id, count(*)::int as n from new_rows
    group by subject_type, subject_id order by subject_type desc, subject_id
  loop
    if v.subject_type = 'post' then
      update post set reactions_count = reactions_count + v.n
      where id = v.subject_id and deleted_at is null;
    else
      update comment set reactions_count = reactions_count + v.n
      where id = v.subject_id and deleted_at is null;
    end if;
    if not found then
      perform fail('not_found');
    end if;
  end loop;
  insert into reaction_count as c (subject_type, subject_id, emoji, count)
  select subject_type, subject_id, emoji, count(*)::int from new_rows
  group by subject_type, subject_id, emoji
  order by subject_type desc, subject_id, emoji collate "C"
  on conflict (subject_type, subject_id, emoji) do update set count = c.count + excluded.count;
  return null;
end
$$;
comment on function api.tg_reaction__count_new() is
  'Adds new reactions to the counters of their subjects. Raises not_found if a subject was deleted '
  'concurrently (rules 50.6 and 80.6).';

create trigger tg_reaction__count_new after insert on public.reaction
referencing new table as new_rows
for each statement execute function api.tg_reaction__count_new();

create function api.tg_reaction__count_removed()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v record;
begin
  for v in
    select subject_type, subject_id, count(*)::int as n from old_rows
    group by subject_type, subject_id order by subject_type desc, subject_id
  loop
    if v.subject_type = 'post' then
      update post set reactions_count = reactions_count - v.n where id = v.subject_id;
    else
      update comment set reactions_count = reactions_count - v.n where id = v.subject_id;
    end if;
  end loop;
  for v in
    select subject_type, subject_id, emoji, count(*)::int as n from old_rows
    group by subject_type, subject_id, emoji
    order by subject_type desc, subject_id, emoji collate "C"
  loop
    update reaction_count set count = count - v.n
    where (subject_type, subject_id, emoji) = (v.subject_type, v.subject_id, v.emoji);
    delete from reaction_count
    where (subject_type, subject_id, emoji) = (v.subject_type, v.subject_id, v.emoji) and count = 0;
  end loop;
  return null;
end
$$;
comment on function api.tg_reaction__count_removed() is
  'Subtracts removed reactions from the counters of their subjects (rule 80.6).';

create trigger tg_reaction__count_removed after delete on public.reaction
referencing old table as old_rows
for each statement execute function api.tg_reaction__count_removed();

-- Media -------------------------------------------------------------------------------------------

create function api.count_media(p_subject_type text, p_subject_id uuid, p_change int)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  if p_subject_type = 'post' then
    update post set media_count = media_count + p_change where id = p_subject_id;
  elsif p_subject_type = 'comment' then
    update comment set media_count = media_count + p_change where id = p_subject_id;
  end if;
end
$$;
comment on function api.count_media(text, uuid, int) is
  'Adds p_change to the media_count of a post or comment (rule 80.7).';

create function api.tg_media_attachment__count()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    perform count_media(new.subject_type, new.subject_id, 1);
  else
    perform count_media(old.subject_type, old.subject_id, -1);
  end if;
  return null;
end
$$;
comment on function api.tg_media_attachment__count() is
  'Adds an attachment to the counter of its subject, or subtracts it (rule 80.7).';

create trigger tg_media_attachment__count after insert or delete on public.media_attachment
for each row execute function api.tg_media_attachment__count();

-- Members of a group ------------------------------------------------------------------------------

create function api.tg_group_member__count()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_was int := case when tg_op <> 'INSERT' and old.left_at is null then 1 else 0 end;
  v_is int := case when tg_op <> 'DELETE' and new.left_at is null then 1 else 0 end;
begin
  if v_is <> v_was then
    update group_entity set members_count = members_count + v_is - v_was
    where id = coalesce(new.group_id, old.group_id);
  end if;
  return null;
end
$$;
comment on function api.tg_group_member__count() is
  'Adds a member to the counter of the group, or subtracts it (rule 80.8).';

create trigger tg_group_member__count
after insert or delete or update of left_at on public.group_member
for each row execute function api.tg_group_member__count();
