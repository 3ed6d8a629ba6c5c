-- Returns a member of a group: every 13th user, from an offset of the group. No user repeats.
create or replace function pg_temp.bulk_member(p_group int, p_number bigint) returns uuid
  language sql immutable
  return pg_temp.bulk_id(1, 0, (p_group * 997 + p_number * 13) % 5000)
