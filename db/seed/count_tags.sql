-- Adds the posts of a batch to the tag counts.
insert into topic_tag as t (tag, posts_count)
select tag, count(*)
from post as p
join group_entity as g on g.id = p.group_id
cross join lateral unnest(p.topic_tags) as tag
where p.id between pg_temp.bulk_id(3, %(first)s, 0) and pg_temp.bulk_id(3, %(last)s, 0)
  and p.deleted_at is null and g.visibility = 'public' and g.deleted_at is null
group by tag
order by tag collate "C"
on conflict (tag) do update set posts_count = t.posts_count + excluded.posts_count
