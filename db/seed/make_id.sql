-- Makes the id of a generated row: its kind and two numbers, as a UUID of version 7.
create or replace function pg_temp.bulk_id(p_kind int, p_major bigint, p_minor bigint) returns uuid
  language sql immutable
  return (
    to_hex(
      ((x'5eed0000'::bigint + p_kind)::bigint << 32)
      | ((p_major >> 12) << 16) | x'7000'::int | (p_major & x'fff'::int)
    )
    || to_hex(x'8000000000000000'::bigint | p_minor)
  )::uuid
