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
  ('{}', null, 'An empty patch is right'),
  ('{"s": "a", "n": "b", "b": true, "l": ["x", "y"]}', null, 'Each field takes its type'),
  ('{"s": ""}', null, 'An empty string is a string'),
  ('{"l": []}', null, 'An empty list is a list'),
  ('{"u": "01890a5d-ac96-774b-bcce-b302099a8057"}', null, 'A UUID is given as a string'),
  ('{"n": null, "u": null}', null, 'Null clears where the type says so'),
  ('{"s": null}', 's may not be null', 'Null clears nothing else'),
  ('{"b": null, "l": null}', 'b may not be null, l may not be null', 'Nor a boolean or a list'),
  ('{"x": 1}', 'x is not known', 'A field that is unknown is an error'),
  ('{"x": null}', 'x is not known', 'One that is unknown and null is, too'),
  ('{"S": "a"}', 'S is not known', 'Names of fields are taken as they are written'),
  ('{"s": 1}', 's is not a string', 'A number is no string'),
  ('{"s": ["a"]}', 's is not a string', 'A list is no string'),
  ('{"b": "true"}', 'b is not a boolean', 'A string is no boolean'),
  ('{"u": "123"}', 'u is not a uuid', 'A UUID is one'),
  ('{"u": 1}', 'u is not a uuid', 'A number is no UUID'),
  ('{"l": "a"}', 'l is not a list of strings', 'A string is no list'),
  ('{"l": ["a", 1]}', 'l is not a list of strings', 'A list is one of strings'),
  ('{"l": [null]}', 'l is not a list of strings', 'And not of nulls')
) as patches (patch, errors, description);
select is(pg_temp.errors('[]'), 'body is not an object', 'A patch is an object');
select is(pg_temp.errors(null), 'body is not an object', 'A patch is there');

select * from finish();
rollback;
