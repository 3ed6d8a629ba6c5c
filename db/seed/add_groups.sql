-- Adds the groups.
insert into group_entity (
  id, name, slug, visibility, description, campus_id, members_count, created_by, created_at,
  updated_at
)
select
  pg_temp.bulk_id(2, number, 0), name, slug, visibility, description, campus_id, members,
  pg_temp.bulk_member(number, 0), t.at, t.at
from unnest(
  %(numbers)s::int[], %(names)s::text[], %(slugs)s::text[], %(visibilities)s::text[],
  %(descriptions)s::text[], %(campuses)s::uuid[], %(members)s::int[]
) as given (number, name, slug, visibility, description, campus_id, members)
cross join lateral (select now() - interval '2 years' + number * interval '7 days' as at) as t
