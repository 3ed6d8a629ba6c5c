-- Tags: the stored form, and the accepted ones. Proves rules 02.4, 02.6, 02.7, 02.8 and 02.19.
begin;
select plan(78);

select is(api.fold_tag(form), tag, format('%s: %s', trim(to_json(form)::text, '"'), description))
from (values
  ('Chess', 'chess', 'A tag is in lower case'),
  ('ÄPFEL', 'äpfel', 'A tag of any script is in lower case'),
  ('СПБ', 'спб', 'A tag of any script is in lower case'),
  (E'J\u030c', 'ǰ', 'A letter composes in lower case'),
  (E'\u00a0chess\t', 'chess', 'A tag is trimmed'),
  (E'cafe\u0301', 'café', 'Combining characters are composed'),
  ('CAFÉ', 'café', 'Combining characters are composed'),
  ('ﬁlm', 'film', 'A ligature is two letters'),
  ('ｃｈｅｓｓ', 'chess', 'A full-width letter is a letter'),
  ('𝐂hess', 'chess', 'A mathematical letter is a letter'),
  ('#chess', 'chess', 'A leading # is dropped'),
  ('##chess', 'chess', 'Each leading # is dropped'),
  ('# chess', 'chess', 'White space behind a leading # is dropped'),
  (' #chess', 'chess', 'White space before a leading # is dropped'),
  ('＃chess', 'chess', 'A full-width # is a #'),
  (E'\u200b#chess', 'chess', 'A zero-width space before a leading # is dropped'),
  ('c#', 'c#', 'A # that does not lead stays'),
  ('a#b', 'a#b', 'A # that does not lead stays'),
  ('#️⃣', '#️⃣', 'A keycap emoji stays'),
  ('a  b', 'a b', 'Inner white space is one space'),
  (E'a\u3000\t\nb', 'a b', 'Inner white space of any kind is one space'),
  (E'a\u200bb', 'ab', 'A zero-width space is dropped'),
  (E'a\u00adb\ufeff', 'ab', 'A soft hyphen and a byte order mark are dropped'),
  (E'\u200eab\u200f', 'ab', 'A direction mark is dropped'),
  (E'می\u200cخواهم', E'می\u200cخواهم', 'A ZWNJ inside a word stays'),
  (E'\u200cab\u200d', 'ab', 'A joiner at an end is dropped'),
  ('👨‍👩‍👧', '👨‍👩‍👧', 'A ZWJ inside an emoji stays'),
  (E'\u2764', '❤️', 'An emoji is canonical'),
  (E'\u2764\ufe0e', '❤️', 'An emoji is canonical'),
  (E'a\u202eb', E'a\u202eb', 'A bidi control stays, so that it is refused'),
  ('#', '', 'A # alone is blank'),
  (E' #\u200b# ', '', 'A tag without visible characters is blank'),
  ('', '', 'An empty tag stays empty'),
  (null, null, 'A null tag stays null')
) as forms (form, tag, description);

select is(
  api.fold_tags(array['go', 'Chess', ' GO ', 'chess', '#chess', 'art']), array['go', 'chess', 'art'],
  'A repeated tag keeps its first position'
);
select is(api.fold_tags(array['a', null]), array['a', null], 'A tag that is null stays null');
select is(api.fold_tags('{}'), '{}'::text[], 'An empty list of tags stays empty');
select is(api.fold_tags(null), '{}'::text[], 'Null tags fold to an empty list');

select is(
  api.fold_tag(api.fold_tag(pattern)), api.fold_tag(pattern),
  format('Folding %s twice equals folding it once', to_json(pattern))
)
from unnest(array[
  E' \u200c#x', E'\u200d\u200b#', E'# \u200c#', 'ﷺ', 'İI', E'ϴ\u0301', E'\u3164', 'K', '①', '™', E'ſ\u0307'
]) as pattern;

select field_is_valid(api.check_tag('f', api.fold_tag(tag)), format('%s is a tag', tag))
from unnest(array['a', '1', 'c++', '❤', 'a b', repeat('é', 50), E'e\u0301', '日本語']) as tag;
select field_is_invalid(
  api.check_tag('f', api.fold_tag(tag)), format('%s is not a tag', to_json(tag))
)
from unnest(array[
  '', null, ' ', '#', E'\u200b', E'\u2800', E'\u3164', E'#\u3164', E'\u202e', E'a\u202a', E'a\u2066b',
  repeat('é', 51), repeat('ﷺ', 3)
]) as tag;

select field_is_valid(
  api.check_tags('f', array(select 't' || n from generate_series(1, 10) as n)),
  'Ten tags are allowed'
);
select field_is_invalid(
  api.check_tags('f', array(select 't' || n from generate_series(1, 11) as n)),
  'Eleven tags are refused'
);
select field_is_invalid(api.check_tags('f', array['a', '']), 'A blank tag is an error');
select field_is_invalid(api.check_tags('f', array['a', null]), 'A tag that is null is an error');
select field_is_invalid(api.check_tags('f', array[repeat('a', 51)]), 'A long tag is an error');
select field_is_valid(api.check_tags('f', '{}'), 'An empty list of tags is allowed');
select field_is_valid(
  api.check_tags('f', api.fold_tags(array_fill('Same'::text, array[11]))),
  'A repeated tag counts once'
);
select is(
  api.check_tags('f', array['a', E'\u202e', 'b', E'\u202d']) ->> 'message',
  api.check_tags('f', array[E'\u202e']) ->> 'message', 'A field has only one error'
);

select * from finish();
rollback;
