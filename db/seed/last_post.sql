-- Returns the number of the last generated post, or 0.
select coalesce(
  (
    select ('x' || substr(id::text, 10, 4) || substr(id::text, 16, 3))::bit(28)::int
    from post
    where id between pg_temp.bulk_id(3, 0, 0) and pg_temp.bulk_id(3, 268435455, 0)
    order by id desc limit 1
  ),
  0
)
