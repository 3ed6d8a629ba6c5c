-- Texts: how functions clean, count and check them.
-- Proves rules 02.1, 02.2, 02.3, 02.4, 02.5 and 02.11.
begin;
select plan(144);

-- Every character with the property White_Space, and some that look like it.
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
  format('U+%s is not white space and stays', lpad(upper(to_hex(code)), 4, '0'))
)
from unnest(array[8203, 8205, 65279, 6158, 1]) as code;
select is(api.trim_text(E' \u3000\n'), '', 'A blank text becomes empty');
select is(api.trim_text(null), null, 'A null text stays null');

select is(
  api.clean_text(chr(code) || E'\u200b ' || chr(code)), '',
  format('A text of U+%s alone is blank', lpad(upper(to_hex(code)), 4, '0'))
)
from unnest(array[
  1, 9, 32, 127, 133, 160, 173, 847, 1564, 4447, 4448, 6068, 6069, 6155, 6158, 8203, 8204, 8205, 8206,
  8207, 8234, 8238, 8288, 8289, 8294, 8297, 8303, 10240, 12288, 12644, 65024, 65039, 65279, 65440,
  65529, 119129, 119155, 917505, 917607, 917760
]) as code;
select is(
  api.clean_text(text), text, format('%s is not blank', trim(to_json(text)::text, '"'))
)
from unnest(array[
  'a', '.', '👍', 'é', E'\u0301', '۝', '⠁', 'ᄀ', E'\u200ba', E'می\u200cخواهم', '👨‍👩‍👧', '❤️', E'a\u202eb',
  E'\ufffd'
]) as text;
select is(
  api.clean_text(E' \u00e9 e\u0301 \u1100\u1161 \u212b '), E'\u00e9 \u00e9 \uac00 \u00c5',
  'A text is stored in NFC and trimmed'
);
select is(api.clean_text('ﬁ ①'), 'ﬁ ①', 'A text keeps compatibility characters');
select is(api.clean_text(E'a\u00a0\u2003b'), E'a\u00a0\u2003b', 'A text keeps inner white space');
select is(api.clean_text(''), '', 'An empty text stays empty');
select is(api.clean_text(null), null, 'A null text stays null');

select is(api.clean_name(E' cafe\u0301 '), 'café', 'A name is cleaned like a text');
select is(api.clean_name(E'\u2800'), '', 'A blank name becomes empty');
select is(api.clean_name(null), null, 'A null name stays null');
select field_is_invalid(
  api.check_name('f', api.clean_name(chr(code)), 0, 9),
  format('A name with U+%s is refused, even if it may be empty', to_hex(code))
)
from unnest(array[8234, 8235, 8236, 8237, 8238, 8294, 8295, 8296, 8297]) as code;
select field_is_valid(
  api.check_name('f', api.clean_name('שלום' || chr(code) || ' abc'), 1, 20),
  format('A name may have the mark U+%s', upper(to_hex(code)))
)
from unnest(array[8206, 8207, 1564, 8204, 8205]) as code;
select field_is_invalid(
  api.check_name('f', 'ab', 3, 5), 'A name below its minimum length is refused'
);
select field_is_invalid(
  api.check_name('f', 'abcdef', 3, 5), 'A name above its maximum length is refused'
);
select field_is_valid(
  api.check_name('f', api.clean_name(repeat(E'e\u0301', 5)), 5, 5),
  'The length of a name is counted in NFC'
);
select field_is_valid(
  api.check_text('f', api.clean_text(E'a\u202eb\u2066'), 1, 5), 'A text may have bidi controls'
);

select is(api.lower_case('ÀΣИ😀İI'), 'àσи😀ii', 'Lower case does not depend on the locale');
select is(api.lower_case('I' collate "C"), 'i', 'Lower case does not depend on a collation');
select is(api.lower_case('É' collate "C"), 'é', 'Lower case does not depend on a collation');

select field_is_valid(
  api.check_text('f', 'abc', 3, 3), 'A text may have exactly its minimum and maximum length'
);
select field_is_invalid(
  api.check_text('f', 'ab', 3, 5), 'A text below its minimum length is refused'
);
select field_is_invalid(
  api.check_text('f', 'abcdef', 3, 5), 'A text above its maximum length is refused'
);
select field_is_valid(
  api.check_text('f', '👍🏽', 1, 2), 'The length of a text is counted in code points'
);
select field_is_valid(
  api.check_text('f', null, 0, 5), 'A null text is valid if its minimum length is 0'
);
select is(
  api.check_text('f', null, 1, 5) ->> 'message', 'is required',
  'A null text is refused if its minimum length is above 0'
);
select is(
  api.check_text('f', '', 1, 5) ->> 'field', 'f', 'A field error has the name of its field'
);

select field_is_valid(api.check_choice('f', 'b', 'a', 'b'), 'A value among the choices is valid');
select field_is_invalid(
  api.check_choice('f', 'c', 'a', 'b'), 'A value outside the choices is refused'
);
select field_is_invalid(api.check_choice('f', null, 'a', 'b'), 'A null choice is refused');

select field_is_valid(
  api.check_future('f', now() + interval '1 second'), 'A time after now() is in the future'
);
select field_is_invalid(api.check_future('f', now()), 'now() is not in the future');
select field_is_invalid(api.check_future('f', '-infinity'), 'Minus infinity is not in the future');
select field_is_invalid(api.check_future('f', 'infinity'), 'Infinity is not in the future');
select field_is_valid(api.check_future('f', null), 'A null time is valid');

select field_is_valid(api.check_slug('f', slug), format('%L is a slug', slug))
from unnest(array['abc', 'a-1', '---', repeat('a', 80)]) as slug;
select field_is_invalid(api.check_slug('f', slug), format('%s is not a slug', to_json(slug)))
from unnest(array['ab', 'Abc', 'a_b', 'äbc', 'a c', E'abc\n', repeat('a', 81)]) as slug;

select is(api.slug_of(name), slug, format('%L makes the slug %L', name, slug))
from (values
  ('Chess Club', 'chess-club'),
  ('  Über – Straße 42!', 'uber-stra-e-42'),
  ('日本語', 'group')
) as made (name, slug);

select * from finish();
rollback;
