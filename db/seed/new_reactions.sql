-- Draws the reactions of a batch to its posts and comments.
create temp table bulk_reaction on commit drop as
select
  pg_temp.bulk_id(5, s.i, s.first_number + j) as id,
  s.group_id, s.post_id, s.subject_type, s.subject_id,
  pg_temp.bulk_member(s.group_number, (s.first_reactor + j) %% s.members) as user_id,
  (%(emoji)s::text[])[1 + floor(power(random(), 2.2) * %(emoji_count)s)::int] as emoji,
  s.created_at + least(%(now)s - s.created_at, interval '9 days') * power(random(), 2) as created_at
from (
  select
    i, group_id, group_number, members, 'post' as subject_type, id as post_id, id as subject_id,
    0::bigint as first_number, first_reactor, reactions, created_at
  from bulk_post
  union all
  select
    i, group_id, group_number, members, 'comment', post_id, id, (j + 1) * 8192::bigint, author,
    reactions, created_at
  from bulk_comment
  where deleted_at is null
) as s
cross join lateral generate_series(0, s.reactions - 1) as j
