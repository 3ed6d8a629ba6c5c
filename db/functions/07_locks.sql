-- Locks. Every transaction takes row locks in this order:
--
--   presign_lock → moderation_batch → post → comment → group_entity → group_member →
--   group_invite, join_request → reaction → reaction_count → topic_tag → stream_sequence
--
-- Rows of one table are locked in the order of their ids, topic tags in that of their text. Updates
-- and deletes first lock the parent whose counter they change. Inserts lock it last, by the
-- triggers of the counters: no other transaction can lock a new row. An edit locks the post and
-- then the visibility of its group (lock_visibility), so a transaction that holds a group never
-- locks a post.
--
-- Only the functions of this file lock rows explicitly (rule 07.2), apart from claims with SKIP
-- LOCKED, which never wait.

create function api.lock_presigns(p_actor uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from presign_lock where bucket = get_byte(uuid_send(p_actor), 15) for no key update;
end
$$;
comment on function api.lock_presigns(uuid) is
  'Serialises the presigns of one actor, so that none is counted before another is written (rule '
  '61.3).';

create function api.lock_moderation_batch(p_batch_id uuid)
returns public.moderation_batch
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_batch moderation_batch;
begin
  select * into v_batch from moderation_batch where id = p_batch_id for update;
  return v_batch;
end
$$;
comment on function api.lock_moderation_batch(uuid) is
  'Locks a batch. Returns its row, or a row of nulls if the batch does not exist.';

create function api.lock_batch_items(p_batch_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from post
  where id in (
    select subject_id from moderation_item where batch_id = p_batch_id and subject_type = 'post'
    union all
    select c.post_id from moderation_item as i join comment as c on c.id = i.subject_id
    where i.batch_id = p_batch_id and i.subject_type = 'comment'
  )
  order by id for no key update;
  perform from comment
  where id in (
    select subject_id from moderation_item where batch_id = p_batch_id and subject_type = 'comment'
  )
  order by id for no key update;
end
$$;
comment on function api.lock_batch_items(uuid) is
  'Locks the posts of a batch and of its comments, then its comments, each by id (rule 07.4).';

create function api.lock_batches_of(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from moderation_batch where p_user_id in (actor_id, undone_by)
  order by id for no key update;
end
$$;
comment on function api.lock_batches_of(uuid) is
  'Locks the moderation batches that a user created or undid (rules 07.1 and 07.4).';

create function api.lock_post(p_post_id uuid)
returns public.post
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_post post;
begin
  select * into v_post from post where id = p_post_id for no key update;
  return v_post;
end
$$;
comment on function api.lock_post(uuid) is
  'Locks a post, its thread and its counters. Returns its row, or a row of nulls if the post does '
  'not exist.';

create function api.lock_comment(p_comment_id uuid)
returns public.comment
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_comment comment;
begin
  perform lock_post((select post_id from comment where id = p_comment_id));
  select * into v_comment from comment where id = p_comment_id for no key update;
  return v_comment;
end
$$;
comment on function api.lock_comment(uuid) is
  'Locks the post of a comment, then the comment. Returns its row, or a row of nulls if the '
  'comment does not exist.';

create function api.lock_reaction_subject(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  if p_subject_type = 'post' then
    perform lock_post(p_subject_id);
  else
    perform from comment where id = p_subject_id for no key update;
  end if;
end
$$;
comment on function api.lock_reaction_subject(text, uuid) is
  'Locks the post or comment of a reaction before the reaction is removed (rule 07.5).';

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
  'Serialises changes to the attachments of a subject, whose number is limited (rule 61.8).';

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
  'Locks the posts and comments that a user wrote or reacted to (rules 07.1 and 07.4).';

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
  'concurrent transaction changes their counters (rules 07.1 and 07.4).';

create function api.lock_group(p_group_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from group_entity where id = p_group_id for no key update;
end
$$;
comment on function api.lock_group(uuid) is
  'Locks a group for a change of its settings or members, without blocking new posts (rule 07.6).';

create function api.lock_group_exclusively(p_group_id uuid)
returns public.group_entity
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_group group_entity;
begin
  select * into v_group from group_entity where id = p_group_id for update;
  return v_group;
end
$$;
comment on function api.lock_group_exclusively(uuid) is
  'Locks a group against new posts too, because its visibility and deletion change the counters of '
  'topic tags. Returns its row, or a row of nulls if the group does not exist.';

create function api.lock_groups_of(p_user_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from group_entity
  where created_by = p_user_id
    or id in (select group_id from group_member where user_id = p_user_id)
  order by id for no key update;
end
$$;
comment on function api.lock_groups_of(uuid) is
  'Locks the groups that a user created or was ever a member of (rules 07.1 and 07.4).';

create function api.lock_visibility(p_group_ids uuid[])
returns uuid[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  -- The lock comes before the read, because a concurrent transaction may make a group public.
  perform from group_entity where id = any (p_group_ids) order by id for key share;
  return array(
    select id from group_entity
    where id = any (p_group_ids) and visibility = 'public' and deleted_at is null
  );
end
$$;
comment on function api.lock_visibility(uuid[]) is
  'Locks groups against a change of visibility and deletion until this transaction ends. Returns '
  'those that are public and not deleted (rule 81.2).';

create function api.lock_member(p_group_id uuid, p_user_id uuid)
returns public.group_member
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_member group_member;
begin
  select * into v_member from group_member
  where group_id = p_group_id and user_id = p_user_id
  for update;
  return v_member;
end
$$;
comment on function api.lock_member(uuid, uuid) is
  'Locks the record of a user in a group. Returns the record, or a row of nulls if it does not '
  'exist.';

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
  'Locks and returns the records of a user in all groups, former memberships and bans included '
  '(rules 07.1 and 07.4).';

create function api.lock_tag_rows(p_tags text[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  perform from topic_tag where tag = any (p_tags) order by tag for no key update;
end
$$;
comment on function api.lock_tag_rows(text[]) is
  'Locks topic tags in the order of their text (rule 07.4).';

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
  'Locks the topic tags that posts count for, before the posts change one by one (rule 07.4).';

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
  'Locks the sequence of the streams, so that one relay works at a time, and returns its last '
  'position (rule 07.1).';
