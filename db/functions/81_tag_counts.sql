-- Counts of the posts with a topic tag, in public groups that are not deleted.

create type api.tag_change as (tag text, change int);
comment on type api.tag_change is 'Change to the posts_count of a tag (rule 81.1).';

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
  'Changes the posts_count of tags, and creates missing tags (rules 60.2 and 81.1).';

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
comment on function api.tg_post__count_tags_new() is
  'Adds new posts to the counters of their topic tags (rules 60.2 and 81.1).';

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
      array(
        select (tag, -1)::tag_change from unnest(old.topic_tags) as tag where old.deleted_at is null
      ) || array(
        select (tag, 1)::tag_change from unnest(new.topic_tags) as tag where new.deleted_at is null
      )
    );
  end if;
  return null;
end
$$;
comment on function api.tg_post__count_tags_changed() is
  'Updates the counters of topic tags when a post is edited, deleted or restored (rule 81.1).';

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
  delete from media_attachment
  where subject_type = 'post' and subject_id in (select id from old_rows);
  v_groups := lock_visibility(array(select distinct group_id from old_rows));
  perform count_tags(array(
    select (tag, -1)::tag_change from old_rows, unnest(topic_tags) as tag
    where group_id = any (v_groups) and deleted_at is null
  ));
  return null;
end
$$;
comment on function api.tg_post__count_removed() is
  'Deletes the reactions and attachments of hard-deleted posts, and subtracts the posts from the '
  'counters of their topic tags (rules 80.3 and 81.1).';

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
  'Adds the posts of a group to the counters of their topic tags when the group becomes public or '
  'is restored. Subtracts them when the group is deleted or no longer public (rule 81.2).';

create trigger tg_group_entity__count_tags_changed after update on public.group_entity
for each row when (
  (old.visibility = 'public' and old.deleted_at is null)
  is distinct from (new.visibility = 'public' and new.deleted_at is null)
)
execute function api.tg_group_entity__count_tags();

-- A BEFORE trigger: the cascade that deletes its posts can no longer read the visibility of the
-- group.
create trigger tg_group_entity__count_tags_removed before delete on public.group_entity
for each row when (old.visibility = 'public' and old.deleted_at is null)
execute function api.tg_group_entity__count_tags();
