-- Adds the comments of a batch, with their counters.
insert into comment (
  id, group_id, post_id, author_id, parent_id, body, depth, reactions_count, is_listed, created_at,
  updated_at, deleted_at
)
select
  id, group_id, post_id, pg_temp.bulk_member(group_number, author), parent_id,
  (%(remarks)s::text[])[1 + floor(random() * %(remarks_count)s)::int], depth,
  case when deleted_at is null then reactions else 0 end, deleted_at is null or has_reply,
  created_at, created_at, deleted_at
from bulk_comment
