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
  'A cursor encodes the time in UTC and the id, in every time zone of the session'
);
select is(
  api.parse_cursor(api.cursor_of(at, id)), (at, id)::api.page_key,
  format('The cursor of a position at %s decodes to that position', at)
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
  'A cursor may have +00:00 for UTC'
);

select throws_code(
  format('select api.parse_cursor(%L)', pg_temp.cursor(text)), 'PT400', 'invalid_cursor',
  description
)
from (values
  ('', 'A cursor is not empty'),
  ('garbage', 'A cursor has a time and an id'),
  ('2026-02-03T04:05:60.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no second 60'),
  ('2026-13-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no month 13'),
  ('2026-00-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no month 0'),
  ('2026-02-30T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057',
    'A cursor has no 30 February'),
  ('2026-02-03T25:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no hour 25'),
  ('2026-02-03T04:61:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no minute 61'),
  ('0000-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no year 0'),
  ('infinity|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no infinite time'),
  ('-infinity|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no time of minus infinity'),
  ('now|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has no relative time'),
  ('2026-02-03T04:05:06Z|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has microseconds'),
  ('2026-02-03T04:05:06.000000|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor has a time zone'),
  ('2026-02-03T04:05:06.000000+01:00|01890a5d-ac96-774b-bcce-b302099a8057', 'A cursor is in UTC'),
  ('2026-02-03 04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057',
    'A cursor separates date and time by T'),
  ('2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a805',
    'A cursor has an id of 32 digits'),
  ('2026-02-03T04:05:06.000000Z|{01890a5d-ac96-774b-bcce-b302099a8057}',
    'A cursor has an id without braces'),
  ('2026-02-03T04:05:06.000000Z|01890a5dac96774bbcceb302099a8057xxxx',
    'A cursor has an id with hyphens'),
  ('2026-02-03T04:05:06.000000Z|', 'A cursor has an id'),
  ('2026-02-03T04:05:06.000000Z', 'A cursor has a separator'),
  ('2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057|x',
    'A cursor has no third part'),
  (E'2026-02-03T04:05:06.000000Z|01890a5d-ac96-774b-bcce-b302099a8057\n',
    'A cursor has no newline'),
  (E'2026-02-03T04:05:06.00000\u00e9Z|01890a5d-ac96-774b-bcce-b302099a8057',
    'A cursor has ASCII characters only')
) as broken (text, description);

select throws_code(
  format('select api.parse_cursor(%L)', text), 'PT400', 'invalid_cursor', description
)
from (
  select
    api.cursor_of('2026-02-03 04:05:06+00', '01890a5d-ac96-774b-bcce-b302099a8057') as cursor
) as c
cross join lateral (values
  (cursor || '==', 'An encoded cursor has no padding'),
  (left(cursor, -1), 'An encoded cursor is complete'),
  (' ' || cursor, 'An encoded cursor has no leading space'),
  (cursor || E'\n', 'An encoded cursor has no trailing newline'),
  ('*' || substr(cursor, 2), 'An encoded cursor is base64url'),
  ('+' || substr(cursor, 2), 'An encoded cursor is not base64'),
  (repeat('A', 86), 'An encoded cursor is not NUL bytes'),
  (repeat('é', 86), 'An encoded cursor is ASCII'),
  (repeat('A', 10000), 'An encoded cursor is short'),
  ('', 'An encoded cursor is not empty'),
  ('''; drop table post; --', 'An encoded cursor is not SQL')
) as broken (text, description);

select * from finish();
rollback;
