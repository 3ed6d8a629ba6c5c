-- Draws the posts of a batch. Every 25,000th post has thousands of comments and reactions.
create temp table bulk_post on commit drop as
select
  i, pg_temp.bulk_id(3, i, 0) as id, number as group_number,
  pg_temp.bulk_id(2, number, 0) as group_id, g.members,
  %(now)s::timestamptz - interval '1 year' * (1 - (i - %(begin)s + random()) / %(span)s)
    as created_at,
  floor(power(random(), 2) * g.members)::int as author,
  floor(random() * g.members)::int as first_reactor,
  case
    when i %% 25000 = 7 then least(4000, 50 + %(total)s / 50)
    else least(floor(power(1 - random(), -0.62) * 1.15 - 0.6), 400)
  end::int as comments,
  least(
    case
      when i %% 25000 = 7 then least(4500, 50 + %(total)s / 40)
      else floor(power(1 - random(), -0.6) * 1.5 - 0.7)
    end,
    g.members, 4500
  )::int as reactions,
  random() as dice
from (
  select i, width_bucket(random(), %(shares)s::float8[]) as number
  from generate_series(%(first)s::int, %(last)s::int) as i
  offset 0 -- PostgreSQL evaluates random() once for each post
) as d
join unnest(%(numbers)s::int[], %(members)s::int[]) as g (number, members) using (number)
