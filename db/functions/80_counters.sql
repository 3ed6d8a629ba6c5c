-- Counters: kept by triggers, in the transaction of the change, through insert, soft delete, restore,
-- cascade and hard delete (§1.2). A CHECK on each says that it never drops below zero.
--
-- Lock order of the whole database: group → member → invitation and join request → moderation batch →
-- post → comment → reaction → reaction_count → topic_tag; of several rows of one kind, by id (a tag by
-- its text). Who changes or removes a row locks what it counts in first. Who adds one locks that last,
-- by these triggers: nobody else can hold a lock on the new row, and a hot post is held shortest. A
-- post or comment that was deleted meanwhile takes nothing more in. Whoever counts a post in its tags
-- has the post and then looks at its group (lock_visibility); so nobody who holds a group goes on to
-- posts, and an erasure, which needs both, takes batches and posts first (erase_user).

-- Comments of a post, and tombstones ---------------------------------------------------------------

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
  -- Under the post's lock this sees every delete that came first.
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
  'Counts new comments in their posts. Raises not_found when the post or the parent was deleted '
  'meanwhile (§1.2).';

create trigger tg_comment__count_new after insert on public.comment
referencing new table as new_rows
for each statement execute function api.tg_comment__count_new();

create function api.has_listed_reply(p_comment_id uuid)
returns boolean
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return exists (select from comment where parent_id = p_comment_id and is_listed);
end
$$;
comment on function api.has_listed_reply(uuid) is
  'Whether a comment has a living reply anywhere below: one that lives or is itself a tombstone (§2).';

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
  'A deleted comment stays listed, as a tombstone, while it has a living reply below (§2).';

create trigger tg_comment__list before update of deleted_at on public.comment
for each row execute function api.tg_comment__list();

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
  'Counts a comment out of its post when it is deleted and in when it is restored (§1.2).';

create trigger tg_comment__count_deleted after update on public.comment
for each row
when ((old.deleted_at is null) is distinct from (new.deleted_at is null))
execute function api.tg_comment__count_deleted();

create function api.refresh_tombstones(p_comment_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_id uuid := p_comment_id;
begin
  -- A living comment ends the walk: it is listed itself, whatever happens below it.
  while v_id is not null loop
    update comment set is_listed = has_listed_reply(id)
    where id = v_id and deleted_at is not null
    returning parent_id into v_id;
  end loop;
end
$$;
comment on function api.refresh_tombstones(uuid) is
  'Lists or unlists a deleted comment, and the deleted ones above it, after a reply came or went (§2).';

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
  'Removes the reactions and media of removed comments and counts those out of their posts (§1.2).';

create trigger tg_comment__count_removed after delete on public.comment
referencing old table as old_rows
for each statement execute function api.tg_comment__count_removed();

-- Reactions ----------------------------------------------------------------------------------------

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
  'Counts new reactions in their subjects. Raises not_found when one was deleted meanwhile (§1.2).';

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
  'Counts removed reactions out of their subjects (§1.2).';

create trigger tg_reaction__count_removed after delete on public.reaction
referencing old table as old_rows
for each statement execute function api.tg_reaction__count_removed();

-- Media --------------------------------------------------------------------------------------------

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
comment on function api.count_media(text, uuid, int) is 'Changes the media_count of a subject (§4).';

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
  'Counts attachments in and out of their subjects (§1.2, §4).';

create trigger tg_media_attachment__count after insert or delete on public.media_attachment
for each row execute function api.tg_media_attachment__count();

-- Members of a group -------------------------------------------------------------------------------

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
comment on function api.tg_group_member__count() is 'Counts members in and out of their group (§1.2).';

create trigger tg_group_member__count after insert or delete or update of left_at on public.group_member
for each row execute function api.tg_group_member__count();

-- Posts of a topic tag -----------------------------------------------------------------------------

create type api.tag_change as (tag text, change int);
comment on type api.tag_change is 'By how much the posts_count of a tag changes.';

create function api.count_tags(p_changes api.tag_change[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v tag_change;
begin
  for v in
    select tag, sum(change)::int from unnest(p_changes)
    group by tag having sum(change) <> 0 order by tag collate "C"
  loop
    if v.change > 0 then
      insert into topic_tag as t (tag, posts_count) values (v.tag, v.change)
      on conflict (tag) do update set posts_count = t.posts_count + excluded.posts_count;
    else
      update topic_tag set posts_count = posts_count + v.change where tag = v.tag;
    end if;
  end loop;
end
$$;
comment on function api.count_tags(api.tag_change[]) is
  'Changes the posts_count of tags, and makes those that are missing (§3.2).';

create function api.lock_visibility(p_group_ids uuid[])
returns uuid[]
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  -- Locked first, whatever they are, and read after: what another transaction turns public while this
  -- one waits would not be among the public ones that it began to lock.
  perform from group_entity where id = any (p_group_ids) order by id for key share;
  return array(
    select id from group_entity
    where id = any (p_group_ids) and visibility = 'public' and deleted_at is null
  );
end
$$;
comment on function api.lock_visibility(uuid[]) is
  'Which of the groups are public and live; they stay so until this transaction ends (§3.2).';

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
  perform from topic_tag where tag = any (v_tags) order by tag for no key update;
end
$$;
comment on function api.lock_tags(public.post[]) is
  'Locks the topic tags of many posts in the order of all, before each post is counted in or out.';

create function api.tg_post__count_tags_new()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_groups uuid[];
begin
  v_groups := array(select distinct group_id from new_rows where topic_tags <> '{}');
  if v_groups <> '{}' then
    v_groups := lock_visibility(v_groups);
    perform count_tags(array(
      select (tag, 1)::tag_change from new_rows, unnest(topic_tags) as tag
      where group_id = any (v_groups) and deleted_at is null
    ));
  end if;
  return null;
end
$$;
comment on function api.tg_post__count_tags_new() is 'Counts new posts in their topic tags (§1.2).';

create trigger tg_post__count_tags_new after insert on public.post
referencing new table as new_rows
for each statement execute function api.tg_post__count_tags_new();

create function api.tg_post__count_tags_changed()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if lock_visibility(array[new.group_id]) <> '{}' then
    perform count_tags(
      array(select (tag, -1)::tag_change from unnest(old.topic_tags) as tag where old.deleted_at is null)
      || array(
        select (tag, 1)::tag_change from unnest(new.topic_tags) as tag where new.deleted_at is null
      )
    );
  end if;
  return null;
end
$$;
comment on function api.tg_post__count_tags_changed() is
  'Counts a post in and out of topic tags when it is edited, deleted or restored (§1.2).';

create trigger tg_post__count_tags_changed after update on public.post
for each row when (
  (old.topic_tags, old.deleted_at is null) is distinct from (new.topic_tags, new.deleted_at is null)
)
execute function api.tg_post__count_tags_changed();

create function api.tg_post__count_removed()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_groups uuid[];
begin
  delete from reaction where subject_type = 'post' and subject_id in (select id from old_rows);
  delete from media_attachment where subject_type = 'post' and subject_id in (select id from old_rows);
  v_groups := lock_visibility(array(select distinct group_id from old_rows));
  perform count_tags(array(
    select (tag, -1)::tag_change from old_rows, unnest(topic_tags) as tag
    where group_id = any (v_groups) and deleted_at is null
  ));
  return null;
end
$$;
comment on function api.tg_post__count_removed() is
  'Removes the reactions and media of removed posts and counts those out of their topic tags (§1.2).';

create trigger tg_post__count_removed after delete on public.post
referencing old table as old_rows
for each statement execute function api.tg_post__count_removed();

create function api.tg_group_entity__count_tags()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
declare
  v_change int := case
    when tg_op = 'UPDATE' and new.visibility = 'public' and new.deleted_at is null then 1 else -1
  end;
begin
  perform count_tags(array(
    select (tag, v_change * count(*))::tag_change from post, unnest(topic_tags) as tag
    where group_id = old.id and deleted_at is null
    group by tag
  ));
  return coalesce(new, old);
end
$$;
comment on function api.tg_group_entity__count_tags() is
  'Counts the posts of a group in and out of their topic tags when it becomes public or ceases to be, '
  'is deleted, restored or removed (§1.2).';

create trigger tg_group_entity__count_tags_changed after update on public.group_entity
for each row when (
  (old.visibility = 'public' and old.deleted_at is null)
  is distinct from (new.visibility = 'public' and new.deleted_at is null)
)
execute function api.tg_group_entity__count_tags();

-- Before: its posts, which go with it, can no longer see what it was.
create trigger tg_group_entity__count_tags_removed before delete on public.group_entity
for each row when (old.visibility = 'public' and old.deleted_at is null)
execute function api.tg_group_entity__count_tags();

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
  'Removes the pictures of a removed group.';

create trigger tg_group_entity__remove_subject after delete on public.group_entity
for each row execute function api.tg_group_entity__remove_subject();

create function api.tg_audit_log__append_only()
returns trigger
language plpgsql
set search_path = public, api, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and current_setting('communities.erasing', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'restrict_violation';
end
$$;
comment on function api.tg_audit_log__append_only() is
  'Refuses every change to the audit log but the erasure of a user from it.';

create trigger tg_audit_log__append_only before update or delete or truncate on public.audit_log
for each statement execute function api.tg_audit_log__append_only();

-- Verifying and repairing --------------------------------------------------------------------------

create view api.counter_drifts as
select tag as counter, tag as subject, posts_count as stored, posts_count as actual
from public.topic_tag;
comment on view api.counter_drifts is
  'Shape of a counter that is wrong: which, of what, as stored and as counted.';

-- Counted set by set, never subject by subject: a million posts are checked in seconds.

create function api.drifts_of_posts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select v.counter, p.id::text, v.stored, v.actual
    from post as p
    left join (
      select post_id, count(*)::int as n from comment where deleted_at is null group by 1
    ) as c on c.post_id = p.id
    left join (
      select subject_id, count(*)::int as n from reaction where subject_type = 'post' group by 1
    ) as r on r.subject_id = p.id
    left join (
      select subject_id, count(*)::int as n from media_attachment where subject_type = 'post' group by 1
    ) as m on m.subject_id = p.id
    cross join lateral (
      values
        ('post.comments_count', p.comments_count, coalesce(c.n, 0)),
        ('post.reactions_count', p.reactions_count, coalesce(r.n, 0)),
        ('post.media_count', p.media_count, coalesce(m.n, 0))
    ) as v (counter, stored, actual)
    where v.stored <> v.actual;
end
$$;
comment on function api.drifts_of_posts() is 'The wrong counters of posts (§1.2).';

create function api.drifts_of_comments()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select v.counter, c.id::text, v.stored, v.actual
    from comment as c
    left join (
      select parent_id from comment where is_listed group by 1
    ) as reply on reply.parent_id = c.id
    left join (
      select subject_id, count(*)::int as n from reaction where subject_type = 'comment' group by 1
    ) as r on r.subject_id = c.id
    left join (
      select subject_id, count(*)::int as n from media_attachment where subject_type = 'comment'
      group by 1
    ) as m on m.subject_id = c.id
    cross join lateral (
      values
        ('comment.reactions_count', c.reactions_count, coalesce(r.n, 0)),
        ('comment.media_count', c.media_count, coalesce(m.n, 0)),
        (
          'comment.is_listed', c.is_listed::int,
          (c.deleted_at is null or reply.parent_id is not null)::int
        )
    ) as v (counter, stored, actual)
    where v.stored <> v.actual;
end
$$;
comment on function api.drifts_of_comments() is 'The wrong counters of comments (§1.2).';

create function api.drifts_of_groups()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select 'group.members_count', g.id::text, g.members_count, coalesce(m.n, 0)
    from group_entity as g
    left join (
      select group_id, count(*)::int as n from group_member where left_at is null group by 1
    ) as m on m.group_id = g.id
    where g.members_count <> coalesce(m.n, 0);
end
$$;
comment on function api.drifts_of_groups() is 'The wrong counters of groups (§1.2).';

create function api.drifts_of_emoji()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select
      'reaction_count', concat_ws(' ', subject_type, subject_id, emoji), coalesce(c.count, 0),
      coalesce(r.n, 0)
    from reaction_count as c
    full join (
      select subject_type, subject_id, emoji collate "C" as emoji, count(*)::int as n
      from reaction group by 1, 2, 3
    ) as r using (subject_type, subject_id, emoji)
    where coalesce(c.count, 0) <> coalesce(r.n, 0);
end
$$;
comment on function api.drifts_of_emoji() is 'The wrong counters of emoji under a subject (§1.2).';

create function api.drifts_of_tags()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select 'tag.posts_count', tag::text, coalesce(t.posts_count, 0), coalesce(u.n, 0)
    from topic_tag as t
    full join (
      select used.tag collate "C" as tag, count(*)::int as n
      from post as p
      join group_entity as g on g.id = p.group_id
      cross join lateral unnest(p.topic_tags) as used (tag)
      where p.deleted_at is null and g.deleted_at is null and g.visibility = 'public'
      group by 1
    ) as u using (tag)
    where coalesce(t.posts_count, 0) <> coalesce(u.n, 0);
end
$$;
comment on function api.drifts_of_tags() is 'The wrong counters of topic tags (§1.2, §3.2).';

create function api.verify_counters()
returns setof api.counter_drifts
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set work_mem = '64MB' -- whole tables are joined: in memory at a million posts
as $$
begin
  return query
    select * from drifts_of_groups()
    union all select * from drifts_of_posts()
    union all select * from drifts_of_comments()
    union all select * from drifts_of_emoji()
    union all select * from drifts_of_tags();
end
$$;
comment on function api.verify_counters() is
  'Names every counter that does not agree with the rows it counts; none, ever (§1.2).';

create function api.repair_counters()
returns int
language plpgsql volatile security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
as $$
declare
  v_drifts counter_drifts[] := array(
    select d from verify_counters() as d order by counter = 'tag.posts_count', subject collate "C"
  );
  v counter_drifts;
begin
  perform lock_drifts(v_drifts);
  foreach v in array v_drifts loop
    perform repair_counter(v.counter, v.subject);
  end loop;
  return cardinality(v_drifts);
end
$$;
comment on function api.repair_counters() is
  'Mends every counter that is wrong, under load too; how many it mended (§1.2).';

create function api.repair_counter(p_counter text, p_subject text)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_parts text[] := string_to_array(p_subject, ' ');
begin
  case p_counter
    when 'group.members_count' then
      update group_entity as g set members_count = (
        select count(*) from group_member where group_id = g.id and left_at is null
      ) where id = p_subject::uuid;
    when 'post.comments_count' then
      update post as p set comments_count = (
        select count(*) from comment where post_id = p.id and deleted_at is null
      ) where id = p_subject::uuid;
    when 'post.reactions_count' then
      update post set reactions_count = count_rows('reaction', 'post', id) where id = p_subject::uuid;
    when 'post.media_count' then
      update post set media_count = count_rows('media', 'post', id) where id = p_subject::uuid;
    when 'comment.reactions_count' then
      update comment set reactions_count = count_rows('reaction', 'comment', id)
      where id = p_subject::uuid;
    when 'comment.media_count' then
      update comment set media_count = count_rows('media', 'comment', id) where id = p_subject::uuid;
    when 'comment.is_listed' then
      perform refresh_tombstones(p_subject::uuid);
    when 'reaction_count' then
      perform recount_reactions(v_parts[1], v_parts[2]::uuid);
    when 'tag.posts_count' then
      perform recount_tag(p_subject);
  end case;
end
$$;
comment on function api.repair_counter(text, text) is
  'Counts one counter anew. Its caller has locked what it counts in, so that whoever is about to add to '
  'it comes after (§1.2).';

create function api.count_rows(p_kind text, p_subject_type text, p_subject_id uuid)
returns int
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  if p_kind = 'reaction' then
    return (
      select count(*) from reaction where subject_type = p_subject_type and subject_id = p_subject_id
    );
  end if;
  return (
    select count(*) from media_attachment
    where subject_type = p_subject_type and subject_id = p_subject_id
  );
end
$$;
comment on function api.count_rows(text, text, uuid) is
  'How many reactions or attachments (media) a subject really has.';

create function api.recount_reactions(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  delete from reaction_count where subject_type = p_subject_type and subject_id = p_subject_id;
  insert into reaction_count (subject_type, subject_id, emoji, count)
  select subject_type, subject_id, emoji, count(*) from reaction
  where subject_type = p_subject_type and subject_id = p_subject_id
  group by 1, 2, 3;
end
$$;
comment on function api.recount_reactions(text, uuid) is 'Counts the emoji of one subject anew.';

create function api.recount_tag(p_tag text)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  insert into topic_tag (tag) values (p_tag) on conflict (tag) do nothing;
  perform from topic_tag where tag = p_tag for no key update;
  update topic_tag set posts_count = (
    select count(*) from post as p join group_entity as g on g.id = p.group_id
    where p.topic_tags @> array[p_tag] and p.topic_tags <> '{}' and p.deleted_at is null
      and g.visibility = 'public' and g.deleted_at is null
  )
  where tag = p_tag;
end
$$;
comment on function api.recount_tag(text) is 'Counts the living posts of public groups with a tag anew.';

create function api.lock_drifts(p_drifts api.counter_drifts[])
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_subjects uuid[] := array(
    select (string_to_array(subject, ' '))[case when counter = 'reaction_count' then 2 else 1 end]::uuid
    from unnest(p_drifts) where counter <> 'tag.posts_count'
  );
begin
  perform from group_entity where id = any (v_subjects) order by id for no key update;
  perform from post
  where id = any (v_subjects)
    or id in (select post_id from comment where comment.id = any (v_subjects))
  order by id
  for no key update;
  perform from comment where id = any (v_subjects) order by id for no key update;
end
$$;
comment on function api.lock_drifts(api.counter_drifts[]) is
  'Locks what wrong counters belong to, in the order of all locks.';
