-- How texts are trimmed, counted and checked (§8).
begin;
select plan(61);

-- Every character with the property White_Space, and some that only look like it.
select is(
  api.trim_text(chr(code) || chr(code) || 'a' || chr(code) || 'b' || chr(code)),
  'a' || chr(code) || 'b',
  format('U+%s is trimmed at both ends and kept inside', lpad(upper(to_hex(code)), 4, '0'))
)
from unnest(array[
  9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201,
  8202, 8232, 8233, 8239, 8287, 12288
]) as code;
select is(
  api.trim_text(chr(code) || 'a'), chr(code) || 'a',
  format('U+%s is no white space and stays', lpad(upper(to_hex(code)), 4, '0'))
)
from unnest(array[8203, 8205, 65279, 6158, 1]) as code;
select is(api.trim_text(E' \u3000\n'), '', 'A blank text is an empty one');
select is(api.trim_text(null), null, 'No text stays none');

select field_is_right(api.check_text('f', 'abc', 3, 3), 'A text of just the right length is right');
select field_is_wrong(api.check_text('f', 'ab', 3, 5), 'A text that is too short is not');
select field_is_wrong(api.check_text('f', 'abcdef', 3, 5), 'A text that is too long is not');
select field_is_right(
  api.check_text('f', '👍🏽', 1, 2), 'A text is counted in code points, not bytes or units'
);
select field_is_right(api.check_text('f', null, 0, 5), 'A text that may be empty may be missing');
select is(
  api.check_text('f', null, 1, 5) ->> 'message', 'is required', 'One that may not be empty may not'
);
select is(
  api.check_text('f', '', 1, 5) ->> 'field', 'f', 'An error names the field'
);

select field_is_right(api.check_choice('f', 'b', 'a', 'b'), 'A choice is one of the choices');
select field_is_wrong(api.check_choice('f', 'c', 'a', 'b'), 'Anything else is none');
select field_is_wrong(api.check_choice('f', null, 'a', 'b'), 'Nothing is no choice');

select field_is_right(api.check_future('f', now() + interval '1 second'), 'A time to come is in the future');
select field_is_wrong(api.check_future('f', now()), 'This moment is not');
select field_is_wrong(api.check_future('f', '-infinity'), 'The beginning of time is not');
select field_is_wrong(api.check_future('f', 'infinity'), 'Nor is a time that never comes');
select field_is_right(api.check_future('f', null), 'No time is right');

select field_is_right(api.check_slug('f', slug), format('%L is a slug', slug))
from unnest(array['abc', 'a-1', '---', repeat('a', 80)]) as slug;
select field_is_wrong(api.check_slug('f', slug), format('%s is none', to_json(slug)))
from unnest(array['ab', 'Abc', 'a_b', 'äbc', 'a c', E'abc\n', repeat('a', 81)]) as slug;

select is(api.slug_of(name), slug, format('%L makes the slug %L', name, slug))
from (values
  ('Chess Club', 'chess-club'),
  ('  Über – Straße 42!', 'uber-stra-e-42'),
  ('日本語', 'group')
) as made (name, slug);

select * from finish();
rollback;
