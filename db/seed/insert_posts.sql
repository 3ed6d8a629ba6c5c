-- Adds the posts of a batch, with their counters.
insert into post (
  id, group_id, author_id, title, body, topic_tags, reactions_count, comments_count, is_pinned,
  created_at, updated_at, deleted_at
)
select
  p.id, p.group_id, pg_temp.bulk_member(p.group_number, p.author),
  case when p.dice < 0.8 then
    (%(openings)s::text[])[1 + floor(random() * %(openings_count)s)::int] || ' '
    || (%(subjects)s::text[])[1 + floor(random() * %(subjects_count)s)::int]
  end,
  (
    select string_agg((%(sentences)s::text[])[1 + floor(random() * %(sentences_count)s)::int], ' ')
    from generate_series(0, (p.i %% 5)) as n where p.i > 0
  ),
  array(
    select (%(tags)s::text[])[
      1 + (floor(power(p.dice, 2) * %(tags_count)s)::int + n * 7) %% %(tags_count)s
    ]
    from generate_series(1, (array[0, 1, 0, 2, 1, 3, 0, 1, 2, 1])[1 + p.i %% 10]) as n
  ),
  p.reactions, coalesce(c.visible, 0), p.dice > 0.9998, p.created_at, p.created_at,
  case when p.dice < 0.01 then p.created_at + least(%(now)s - p.created_at, interval '9 days') end
from bulk_post as p
left join (
  select i, count(*) filter (where deleted_at is null) as visible from bulk_comment group by i
) as c using (i)
