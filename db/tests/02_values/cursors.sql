-- Cursors: unpadded base64url of creation time in UTC with microseconds, `|` and UUID.
-- Proves rules 02.13 and 02.17.
begin;
select plan(42);

create function pg_temp.cursor(p_text text) returns text language sql as $$
  select rtrim(translate(encode(convert_to(p_text, 'UTF8'), 'base64'), E'+/\n', '-_'), '=')
$$;

set local time zone 'America/Caracas';
select is(
  api.cursor_of('2026-02-03 04:05:06.7+00', '01890a5d-ac96-774b-bcce-b302099a8057'),
  pg_temp.cursor('2026-02-03T04:05:06.700000Z|01890a5d-ac96-774b-bcce-b302099a8057'),
  'A cursor is made of the time in UTC and the id, whatever the time zone of the session'
);
select is(
  api.parse_cursor(api.cursor_of(at, id)), (at, id)::api.page_key,
  format('A cursor of %s names the place it was made of', at)
)
from (values
  ('2026-02-03 04:05:06.789012+00'::timestamptz, '01890a5d-ac96-774b-bcce-b302099a8057'::uuid),
  ('1970-01-01 00:00:00+00', '00000000-0000-0000-0000-000000000000'),
  ('9999-12-31 23:59:59.999999+00', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
  (now(), gen_random_uuid())
) as places (at, id);
select unalike(
  api.cursor_of('2026-02-03 04:05:06.789012+00', 'ffffffff-ffff-ffff-ffff-ffffffffffff'), '%=%',
  'A cursor has no padding'
);
select is(
  api.parse_cursor(
    pg_temp.cursor('2026-02-03T04:05:06.000000+00:00|01890a5d-ac96-774b-bcce-b302099a8057')
  ),
  ('2026-02-03 04:05:06+00', '01890a5d-ac96-774b-bcce-b302099a8057')::api.page_key,
  'A cursor may say +00:00 for UTC'
);

select throws_code(
  format('select api.parse_cursor(%L)', pg_temp.cursor(text)), 'PT400', 'invalid_cursor', description
)
from (values
  ('', 'An empty text is no cursor'),
  ('garbage', 'Any text is none'),
  ('2026-02-03T04:05:60.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no second 60'),
  ('2026-13-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no month 13'),
  ('2026-00-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no month 0'),
  ('2026-02-30T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no 30 February'),
  ('2026-02-03T25:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no hour 25'),
  ('2026-02-03T04:61:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no minute 61'),
  ('0000-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'There is no year 0'),
  ('infinity|01890a5d-ac96-774b-bcce-b302099a8057', 'Infinity is no time'),
  ('-infinity|01890a5d-ac96-774b-bcce-b302099a8057', 'Nor is minus infinity'),
  ('now|01890a5d-ac96-774b-bcce-b302099a8057', 'Nor is now'),
  ('2026-02-03T04:05:06Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A time has microseconds'),
  ('2026-02-03T04:05:06.000000|01890a5d-ac96-774b-bcce-b302099a8057', 'A time has a time zone'),
  ('2026-02-03T04:05:06.000000+01:00|01890a5d-ac96-774b-bcce-b302099a8057', 'A time is in UTC'),
  ('2026-02-03 04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A time has a T'),
  ('2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a805', 'An id has 32 digits'),
  ('2026-02-03T04:05:06.000000Z|{01890a5d-ac96-774b-bcce-b302099a8057}', 'An id has no braces'),
  ('2026-02-03T04:05:06.000000Z|01890a5dac96774bbcceb302099a8057xxxx', 'An id has hyphens'),
  ('2026-02-03T04:05:06.000000Z|', 'A cursor has an id'),
  ('2026-02-03T04:05:06.000000Z', 'A cursor has two parts'),
  ('2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057|x', 'And no third'),
  (E'2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057\n', 'And no newline'),
  (E'2026-02-03T04:05:06.00000\u00e9Z|01890a5d-ac96-774b-bcce-b302099a8057', 'And is ASCII')
) as broken (text, description);

select throws_code(
  format('select api.parse_cursor(%L)', text), 'PT400', 'invalid_cursor', description
)
from (
  select
    api.cursor_of('2026-02-03 04:05:06+00', '01890a5d-ac96-774b-bcce-b302099a8057') as cursor
) as c
cross join lateral (values
  (cursor || '==', 'A cursor with padding is none'),
  (left(cursor, -1), 'A cursor that was cut off is none'),
  (' ' || cursor, 'A cursor with a blank before it is none'),
  (cursor || E'\n', 'A cursor with a newline after it is none'),
  ('*' || substr(cursor, 2), 'A cursor of other letters than base64url is none'),
  ('+' || substr(cursor, 2), 'A cursor of base64''s own letters is none'),
  (repeat('A', 86), 'A cursor of nulls is none'),
  (repeat('é', 86), 'A cursor beyond ASCII is none'),
  (repeat('A', 10000), 'A long one is none'),
  ('', 'An empty one is none'),
  ('''; drop table post; --', 'An attack is none')
) as broken (text, description);

select * from finish();
rollback;
