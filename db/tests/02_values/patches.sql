-- Merge patches. Proves rule 02.12.
begin;
select plan(21);

create function pg_temp.errors(p_patch jsonb) returns text language sql as $$
  select string_agg((e ->> 'field') || ' ' || (e ->> 'message'), ', ' order by e ->> 'field')
  from unnest(api.check_patch(
    p_patch,
    '{"s": "string", "n": "string?", "b": "boolean", "u": "uuid?", "l": "strings"}'
  )) as e
  where e is not null
$$;

select is(pg_temp.errors(patch::jsonb), errors, description)
from (values
  ('{}', null, 'A patch may be empty'),
  ('{"s": "a", "n": "b", "b": true, "l": ["x", "y"]}', null, 'A field has its type'),
  ('{"s": ""}', null, 'A string may be empty'),
  ('{"l": []}', null, 'A list may be empty'),
  ('{"u": "01890a5d-ac96-774b-bcce-b302099a8057"}', null, 'A UUID is a string'),
  ('{"n": null, "u": null}', null, 'Null clears a field whose type allows it'),
  ('{"s": null}', 's may not be null', 'Null is refused for a string'),
  ('{"b": null, "l": null}', 'b may not be null, l may not be null',
    'Null is refused for a boolean and a list'),
  ('{"x": 1}', 'x is not known', 'An unknown field is refused'),
  ('{"x": null}', 'x is not known', 'An unknown field is refused, even if it is null'),
  ('{"S": "a"}', 'S is not known', 'The name of a field is case-sensitive'),
  ('{"s": 1}', 's is not a string', 'A number is not a string'),
  ('{"s": ["a"]}', 's is not a string', 'A list is not a string'),
  ('{"b": "true"}', 'b is not a boolean', 'A string is not a boolean'),
  ('{"u": "123"}', 'u is not a uuid', 'A UUID has its form'),
  ('{"u": 1}', 'u is not a uuid', 'A number is not a UUID'),
  ('{"l": "a"}', 'l is not a list of strings', 'A string is not a list'),
  ('{"l": ["a", 1]}', 'l is not a list of strings', 'A list has strings only'),
  ('{"l": [null]}', 'l is not a list of strings', 'A list has no nulls')
) as patches (patch, errors, description);
select is(pg_temp.errors('[]'), 'body is not an object', 'A patch is an object');
select is(pg_temp.errors(null), 'body is not an object', 'A patch is required');

select * from finish();
rollback;
