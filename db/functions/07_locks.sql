-- Locks. Every transaction takes row locks in this order:
--
--   presign_lock → moderation_batch → post → comment → group_entity → group_member →
--   group_invite, join_request → reaction → reaction_count → topic_tag → stream_sequence
--
-- Several rows of one table are locked by id, topic tags by their text. Updates and deletes lock the
-- parent whose counter they change first; inserts lock it last, by the counters' triggers, because no
-- other transaction can lock a new row. An edit of a post needs the post and then its group's
-- visibility (lock_visibility), so a transaction that holds a group never goes on to a post.
--
-- Only the functions of this file take explicit row locks. The exceptions are claims with SKIP LOCKED,
-- which never wait.

create function api.lock_batches_of(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from moderation_batch where p_user_id in (actor_id, undone_by) order by id for no key update;
end
$$;
comment on function api.lock_batches_of(uuid) is
  'Locks the moderation batches that a user made or undid. Implements rules 07.1 and 07.4.';

create function api.lock_threads_of(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from post
  where author_id = p_user_id
    or id in (select post_id from comment where author_id = p_user_id)
    or id in (select post_id from reaction where user_id = p_user_id)
  order by id for no key update;
  perform from comment
  where author_id = p_user_id
    or id in (
      select subject_id from reaction where user_id = p_user_id and subject_type = 'comment'
    )
  order by id for no key update;
end
$$;
comment on function api.lock_threads_of(uuid) is
  'Locks the posts and comments that a user wrote or reacted to. Implements rules 07.1 and 07.4.';

create function api.lock_counted(p_subject_ids uuid[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from post
  where id = any (p_subject_ids)
    or id in (select post_id from comment where comment.id = any (p_subject_ids))
  order by id
  for no key update;
  perform from comment where id = any (p_subject_ids) order by id for no key update;
  perform from group_entity where id = any (p_subject_ids) order by id for no key update;
end
$$;
comment on function api.lock_counted(uuid[]) is
  'Locks the posts, comments and groups with these ids, and the posts of the comments, so that no '
  'concurrent transaction counts in them. Implements rules 07.1 and 07.4.';

create function api.lock_groups_of(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from group_entity
  where created_by = p_user_id or id in (select group_id from group_member where user_id = p_user_id)
  order by id for no key update;
end
$$;
comment on function api.lock_groups_of(uuid) is
  'Locks the groups that a user created or was ever a member of. Implements rules 07.1 and 07.4.';

create function api.lock_visibility(p_group_ids uuid[])
returns uuid[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  -- Locks all groups before it reads them: a concurrent transaction may turn one public meanwhile.
  perform from group_entity where id = any (p_group_ids) order by id for key share;
  return array(
    select id from group_entity
    where id = any (p_group_ids) and visibility = 'public' and deleted_at is null
  );
end
$$;
comment on function api.lock_visibility(uuid[]) is
  'Locks groups against a change of visibility and deletion until this transaction ends. Returns those '
  'that are public and not deleted. Implements rule 81.2.';

create function api.lock_members_of(p_user_id uuid)
returns public.group_member[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  return array(
    select m from group_member as m where m.user_id = p_user_id order by m.group_id for update
  );
end
$$;
comment on function api.lock_members_of(uuid) is
  'Locks and returns a user''s rows in all groups, former memberships and bans included. Implements rules '
  '07.1 and 07.4.';

create function api.lock_tag_rows(p_tags text[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from topic_tag where tag = any (p_tags) order by tag for no key update;
end
$$;
comment on function api.lock_tag_rows(text[]) is 'Locks topic tags by their text. Implements rule 07.4.';

create function api.lock_tags(p_posts public.post[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_groups uuid[] := lock_visibility(
    array(select distinct p.group_id from unnest(p_posts) as p where p.topic_tags <> '{}')
  );
  v_tags text[] := array(
    select distinct tag from unnest(p_posts) as p, unnest(p.topic_tags) as tag
    where p.group_id = any (v_groups)
  );
begin
  insert into topic_tag (tag) select tag from unnest(v_tags) as tag order by tag collate "C"
  on conflict (tag) do nothing;
  perform lock_tag_rows(v_tags);
end
$$;
comment on function api.lock_tags(public.post[]) is
  'Locks the topic tags that posts count for, before the posts change one by one. Implements rule 07.4.';

create function api.lock_stream_sequence()
returns bigint
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  return (select last_seq from stream_sequence for update);
end
$$;
comment on function api.lock_stream_sequence() is
  'Locks the sequence of the streams, and returns its last position: one relay works at a time. '
  'Implements rule 07.1.';
