-- Tombstones: the deleted comments that lists show, because a reply below them is listed.

create function api.listed_parents(p_comment_ids uuid[])
returns table (id uuid)
language sql stable
begin atomic
  select parent_id from public.comment
  where is_listed and parent_id is not null
    and (p_comment_ids is null or parent_id = any (p_comment_ids))
  group by parent_id;
end;
comment on function api.listed_parents(uuid[]) is
  'Returns the comments, of these or of all, that have a listed reply: one that is not deleted or '
  'is itself a tombstone (rule 82.1).';

create function api.has_listed_reply(p_comment_id uuid)
returns boolean
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return exists (select from listed_parents(array[p_comment_id]));
end
$$;
comment on function api.has_listed_reply(uuid) is
  'Returns whether a comment has a listed reply (rule 82.1).';

create function api.tg_comment__list()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  new.is_listed := new.deleted_at is null or has_listed_reply(new.id);
  return new;
end
$$;
comment on function api.tg_comment__list() is
  'Keeps a deleted comment listed, as a tombstone, while a listed reply is below it (rule 82.1).';

create trigger tg_comment__list before update of deleted_at on public.comment
for each row execute function api.tg_comment__list();

create function api.refresh_tombstones(p_comment_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_id uuid := p_comment_id;
begin
  -- The loop ends at a comment that is not deleted: it is listed with or without replies.
  while v_id is not null loop
    update comment set is_listed = has_listed_reply(id)
    where id = v_id and deleted_at is not null
    returning parent_id into v_id;
  end loop;
end
$$;
comment on function api.refresh_tombstones(uuid) is
  'Lists or unlists a deleted comment, and the deleted comments above it, after a change of its '
  'replies (rule 82.1).';
