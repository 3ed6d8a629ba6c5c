-- Adds the members of the groups.
insert into group_member (group_id, user_id, role, joined_at, created_at, updated_at)
select
  g.id, pg_temp.bulk_member(given.number, k),
  case
    when k = 0 then 'owner' when k <= 2 then 'admin' when k <= 5 then 'moderator' else 'member'
  end,
  t.at, t.at, t.at
from unnest(%(numbers)s::int[], %(members)s::int[]) as given (number, members)
join group_entity as g on g.id = pg_temp.bulk_id(2, given.number, 0)
cross join lateral generate_series(0, members - 1) as k
cross join lateral (select g.created_at + k * interval '1 hour' / 10 as at) as t
