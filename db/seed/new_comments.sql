-- Draws the comments of a batch. Threads repeat a pattern of eight comments.
create temp table bulk_comment on commit drop as
select
  p.i, j, pg_temp.bulk_id(4, p.i, j) as id, p.id as post_id, p.group_id, p.group_number, p.members,
  pg_temp.bulk_id(4, p.i, j - (array[null, 1, 1, 3, null, 1, 1, 1])[1 + j %% 8]) as parent_id,
  (array[0, 1, 2, 1, 0, 1, 2, 3])[1 + j %% 8] as depth,
  floor(power(random(), 1.5) * p.members)::int as author,
  p.created_at + t.per_comment * (j + random()) as created_at,
  case when random() < 0.02 and j %% 8 in (0, 3) then p.created_at + t.lasted end as deleted_at,
  j %% 8 = 0 and j + 1 < p.comments as has_reply,
  case when random() < 0.12 then least(floor(power(1 - random(), -0.6)), 20, p.members) else 0 end
    ::int as reactions
from bulk_post as p
cross join lateral (
  select least(%(now)s - p.created_at, interval '5 days') as lasted,
    least(%(now)s - p.created_at, interval '5 days') / greatest(p.comments, 1) as per_comment
) as t
cross join lateral generate_series(0, p.comments - 1) as j
