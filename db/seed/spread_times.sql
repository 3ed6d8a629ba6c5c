-- Spreads the creation times of the example data, as users would. For pictures.
set session_replication_role = replica;
update post as p set created_at = now() - number * interval '5 hours 40 minutes'
from (
  select id, row_number() over (partition by group_id order by media_count desc, id desc) as number
  from post
) as aged
where aged.id = p.id;
update comment as c set created_at = p.created_at + number * interval '17 minutes'
from
  (select id, row_number() over (partition by post_id order by id) as number from comment) as aged,
  post as p
where aged.id = c.id and p.id = c.post_id;
