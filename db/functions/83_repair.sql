-- Verification and repair of counters. Only the actual_… functions define the rows that each
-- counter counts. Verification calls them for all rows at once, repair for one subject under its
-- lock.
--
-- Each takes the ids to count for, or null for all. The planner inlines its parsed body, so that it
-- verifies a million posts in seconds, and repairs one counter by an index.

create type api.actual_count as (subject_id uuid, n int);
comment on type api.actual_count is
  'Number of rows that belong to a subject; a subject without any has no row.';

create type api.actual_emoji_count as (subject_type text, subject_id uuid, emoji text, n int);
comment on type api.actual_emoji_count is 'Number of reactions with an emoji on a subject.';

create type api.actual_tag_count as (tag text, n int);
comment on type api.actual_tag_count is 'Number of posts that count for a topic tag.';

create function api.actual_members_counts(p_group_ids uuid[])
returns setof api.actual_count
language sql stable
begin atomic
  select group_id, count(*)::int from public.group_member
  where left_at is null and (p_group_ids is null or group_id = any (p_group_ids))
  group by group_id;
end;
comment on function api.actual_members_counts(uuid[]) is
  'Returns the number of members of each group (rule 80.4).';

create function api.actual_comments_counts(p_post_ids uuid[])
returns setof api.actual_count
language sql stable
begin atomic
  select post_id, count(*)::int from public.comment
  where deleted_at is null and (p_post_ids is null or post_id = any (p_post_ids))
  group by post_id;
end;
comment on function api.actual_comments_counts(uuid[]) is
  'Returns the number of comments of each post that are not deleted (rule 80.4).';

create function api.actual_reactions_counts(p_subject_type text, p_subject_ids uuid[])
returns setof api.actual_count
language sql stable
begin atomic
  select subject_id, count(*)::int from public.reaction
  where subject_type = p_subject_type
    and (p_subject_ids is null or subject_id = any (p_subject_ids))
  group by subject_id;
end;
comment on function api.actual_reactions_counts(text, uuid[]) is
  'Returns the number of reactions to each post or comment (rule 80.4).';

create function api.actual_media_counts(p_subject_type text, p_subject_ids uuid[])
returns setof api.actual_count
language sql stable
begin atomic
  select subject_id, count(*)::int from public.media_attachment
  where subject_type = p_subject_type
    and (p_subject_ids is null or subject_id = any (p_subject_ids))
  group by subject_id;
end;
comment on function api.actual_media_counts(text, uuid[]) is
  'Returns the number of attachments of each post or comment (rule 80.4).';

create function api.actual_emoji_counts(p_subject_ids uuid[])
returns setof api.actual_emoji_count
language sql stable
begin atomic
  select subject_type, subject_id, emoji collate "C", count(*)::int from public.reaction
  where p_subject_ids is null or subject_id = any (p_subject_ids)
  group by subject_type, subject_id, emoji collate "C";
end;
comment on function api.actual_emoji_counts(uuid[]) is
  'Returns the number of reactions with each emoji to each post or comment (rule 80.4).';

create function api.actual_tag_counts(p_tags text[])
returns setof api.actual_tag_count
language sql stable
begin atomic
  select used.tag collate "C", count(*)::int
  from public.post as p
  join public.group_entity as g on g.id = p.group_id
  cross join lateral unnest(p.topic_tags) as used (tag)
  where p.topic_tags <> '{}' and p.deleted_at is null
    and g.visibility = 'public' and g.deleted_at is null
    and (p_tags is null or (p.topic_tags && p_tags and used.tag = any (p_tags)))
  group by used.tag collate "C";
end;
comment on function api.actual_tag_counts(text[]) is
  'Returns the number of posts with each tag in public groups, without deleted posts and groups '
  '(rules 80.4 and 81.1).';

-- Verification ------------------------------------------------------------------------------------

create view api.counter_drifts as
select tag as counter, tag as subject, posts_count as stored, posts_count as actual
from public.topic_tag;
comment on view api.counter_drifts is
  'Shape of a wrong counter: its name, its subject, the stored and the actual value.';

create function api.find_post_drifts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select v.counter, p.id::text, v.stored, v.actual
    from post as p
    left join actual_comments_counts(null) as c on c.subject_id = p.id
    left join actual_reactions_counts('post', null) as r on r.subject_id = p.id
    left join actual_media_counts('post', null) as m on m.subject_id = p.id
    cross join lateral (
      values
        ('post.comments_count', p.comments_count, coalesce(c.n, 0)),
        ('post.reactions_count', p.reactions_count, coalesce(r.n, 0)),
        ('post.media_count', p.media_count, coalesce(m.n, 0))
    ) as v (counter, stored, actual)
    where v.stored <> v.actual;
end
$$;
comment on function api.find_post_drifts() is 'Returns the wrong counters of posts.';

create function api.find_comment_drifts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select v.counter, c.id::text, v.stored, v.actual
    from comment as c
    left join listed_parents(null) as parent on parent.id = c.id
    left join actual_reactions_counts('comment', null) as r on r.subject_id = c.id
    left join actual_media_counts('comment', null) as m on m.subject_id = c.id
    cross join lateral (
      values
        ('comment.reactions_count', c.reactions_count, coalesce(r.n, 0)),
        ('comment.media_count', c.media_count, coalesce(m.n, 0)),
        (
          'comment.is_listed', c.is_listed::int,
          (c.deleted_at is null or parent.id is not null)::int
        )
    ) as v (counter, stored, actual)
    where v.stored <> v.actual;
end
$$;
comment on function api.find_comment_drifts() is 'Returns the wrong counters of comments.';

create function api.find_group_drifts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select 'group.members_count', g.id::text, g.members_count, coalesce(m.n, 0)
    from group_entity as g
    left join actual_members_counts(null) as m on m.subject_id = g.id
    where g.members_count <> coalesce(m.n, 0);
end
$$;
comment on function api.find_group_drifts() is 'Returns the wrong counters of groups.';

create function api.find_emoji_drifts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select
      'reaction_count', concat_ws(' ', subject_type, subject_id, emoji), coalesce(c.count, 0),
      coalesce(a.n, 0)
    from reaction_count as c
    full join actual_emoji_counts(null) as a using (subject_type, subject_id, emoji)
    where coalesce(c.count, 0) <> coalesce(a.n, 0);
end
$$;
comment on function api.find_emoji_drifts() is
  'Returns the wrong counts of emoji on their subjects.';

create function api.find_tag_drifts()
returns setof api.counter_drifts
language plpgsql stable
set search_path = public, api, pg_temp
as $$
begin
  return query
    select 'tag.posts_count', tag::text, coalesce(t.posts_count, 0), coalesce(a.n, 0)
    from topic_tag as t
    full join actual_tag_counts(null) as a using (tag)
    where coalesce(t.posts_count, 0) <> coalesce(a.n, 0);
end
$$;
comment on function api.find_tag_drifts() is 'Returns the wrong counters of topic tags.';

create function api.verify_counters()
returns setof api.counter_drifts
language plpgsql stable security definer
set search_path = public, api, pg_temp
set timezone = 'UTC'
set work_mem = '64MB' -- the joins of whole tables stay in memory at a million posts
as $$
begin
  return query
    select * from find_group_drifts()
    union all select * from find_post_drifts()
    union all select * from find_comment_drifts()
    union all select * from find_emoji_drifts()
    union all select * from find_tag_drifts();
end
$$;
comment on function api.verify_counters() is
  'Returns every counter that differs from the number of its rows (rule 83.1).';

-- Repair ------------------------------------------------------------------------------------------

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
  perform lock_counted(array(
    select split_part(subject, ' ', case when counter = 'reaction_count' then 2 else 1 end)::uuid
    from unnest(v_drifts) where counter <> 'tag.posts_count'
  ));
  foreach v in array v_drifts loop
    perform repair_counter(v.counter, v.subject);
  end loop;
  return cardinality(v_drifts);
end
$$;
comment on function api.repair_counters() is
  'Repairs every wrong counter, also under load. Returns the number of repaired counters (rule '
  '83.2).';

create function api.repair_counter(p_counter text, p_subject text)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  case p_counter
    when 'reaction_count' then
      perform repair_emoji_counts(
        split_part(p_subject, ' ', 1), split_part(p_subject, ' ', 2)::uuid
      );
    when 'tag.posts_count' then
      perform repair_tag_count(p_subject);
    when 'comment.is_listed' then
      perform refresh_tombstones(p_subject::uuid);
    when 'group.members_count' then
      update group_entity set members_count = coalesce(
        (select n from actual_members_counts(array[p_subject::uuid])), 0
      ) where id = p_subject::uuid;
    else
      perform repair_subject(split_part(p_counter, '.', 1), p_subject::uuid);
  end case;
end
$$;
comment on function api.repair_counter(text, text) is
  'Sets one counter to its actual value. The caller has locked the subject, so that no concurrent '
  'transaction changes the counter (rule 83.2).';

create function api.repair_subject(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
declare
  v_reactions int := coalesce(
    (select n from actual_reactions_counts(p_subject_type, array[p_subject_id])), 0
  );
  v_media int := coalesce(
    (select n from actual_media_counts(p_subject_type, array[p_subject_id])), 0
  );
begin
  if p_subject_type = 'post' then
    update post set
      comments_count = coalesce((select n from actual_comments_counts(array[p_subject_id])), 0),
      reactions_count = v_reactions, media_count = v_media
    where id = p_subject_id;
  else
    update comment set reactions_count = v_reactions, media_count = v_media where id = p_subject_id;
  end if;
end
$$;
comment on function api.repair_subject(text, uuid) is
  'Sets the counters of a post or comment to their actual values. The caller has locked it.';

create function api.repair_emoji_counts(p_subject_type text, p_subject_id uuid)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  delete from reaction_count where subject_type = p_subject_type and subject_id = p_subject_id;
  insert into reaction_count (subject_type, subject_id, emoji, count)
  select subject_type, subject_id, emoji, n from actual_emoji_counts(array[p_subject_id])
  where subject_type = p_subject_type;
end
$$;
comment on function api.repair_emoji_counts(text, uuid) is
  'Sets the counts of all emoji on a subject to their actual values. The caller has locked the '
  'subject.';

create function api.repair_tag_count(p_tag text)
returns void
language plpgsql volatile
set search_path = public, api, pg_temp
as $$
begin
  insert into topic_tag (tag) values (p_tag) on conflict (tag) do nothing;
  perform lock_tag_rows(array[p_tag]);
  update topic_tag set posts_count = coalesce(
    (select n from actual_tag_counts(array[p_tag])), 0
  )
  where tag = p_tag;
end
$$;
comment on function api.repair_tag_count(text) is
  'Sets the number of posts with a tag to its actual value, under the lock of the tag.';
