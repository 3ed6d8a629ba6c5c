-- Emoji: the canonical form, and the accepted ones. Proves rules 02.8 and 02.9.
begin;
select plan(78);

select is(
  api.canonical_emoji(form), canonical,
  format('The canonical form of %s is %s', trim(to_json(form)::text, '"'), description)
)
from (values
  (E'\u2764', E'\u2764\ufe0f', 'a red heart'),
  (E'\u2764\ufe0f', E'\u2764\ufe0f', 'itself'),
  (E'\u2764\ufe0e', E'\u2764\ufe0f', 'the emoji of its text style'),
  (E'\u2764\ufe0f\ufe0f', E'\u2764\ufe0f', 'an emoji with one selector'),
  (E'\ufe0f\u2764', E'\u2764\ufe0f', 'an emoji with the selector behind it'),
  ('👍', '👍', 'itself'),
  (E'👍\ufe0f', '👍', 'an emoji without a stray selector'),
  (E'👍\ufe0e', '👍', 'the emoji of its text style'),
  (E'👍\ufe0f🏽', '👍🏽', 'an emoji with its skin tone'),
  ('☝🏾', '☝🏾', 'itself'),
  (E'☝🏾\ufe0f', '☝🏾', 'a pointing finger with a skin tone'),
  (E'☝\ufe0f🏾', '☝🏾', 'a pointing finger with a skin tone'),
  (E'\u261d', E'\u261d\ufe0f', 'a pointing finger'),
  (E'1\u20e3', E'1\ufe0f\u20e3', 'a keycap'),
  (E'1\ufe0f\u20e3', E'1\ufe0f\u20e3', 'itself'),
  (E'#\u20e3\ufe0f', E'#\ufe0f\u20e3', 'a keycap'),
  (E'*\ufe0e\u20e3', E'*\ufe0f\u20e3', 'a keycap'),
  ('1', '1', 'itself, a digit'),
  (E'1\ufe0f', '1', 'a digit'),
  (E'a\ufe0f', 'a', 'a letter'),
  (E'\u2764\u200d🔥', E'\u2764\ufe0f\u200d🔥', 'a heart on fire'),
  (E'\u2764\ufe0f\u200d🔥\ufe0f', E'\u2764\ufe0f\u200d🔥', 'a heart on fire'),
  (E'🏳\u200d🌈', E'🏳\ufe0f\u200d🌈', 'a rainbow flag'),
  (E'👁\u200d🗨', E'👁\ufe0f\u200d🗨\ufe0f', 'an eye in a speech bubble'),
  (E'👁\ufe0f\u200d🗨', E'👁\ufe0f\u200d🗨\ufe0f', 'an eye in a speech bubble'),
  (E'🧘\u200d♀', E'🧘\u200d♀\ufe0f', 'a woman in lotus position'),
  (E'🧘🏿\u200d♀', E'🧘🏿\u200d♀\ufe0f', 'a woman in lotus position with a skin tone'),
  (E'⛹\u200d♂', E'⛹\ufe0f\u200d♂\ufe0f', 'a man bouncing a ball'),
  (E'⛹🏻\u200d♂', E'⛹🏻\u200d♂\ufe0f', 'a man bouncing a ball with a skin tone'),
  (E'🙂\u200d↔', E'🙂\u200d↔\ufe0f', 'a head shaking'),
  (E'👩\u200d👩\u200d👧', E'👩\u200d👩\u200d👧', 'itself, a family'),
  (E'👩🏻\u200d❤\u200d💋\u200d👩🏾', E'👩🏻\u200d❤\ufe0f\u200d💋\u200d👩🏾', 'a kiss'),
  ('🇩🇪', '🇩🇪', 'itself, a flag'),
  (E'🇩\ufe0f🇪\ufe0f', '🇩🇪', 'a flag'),
  ('🏴' || E'\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f',
    '🏴' || E'\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f',
    'itself, the flag of Scotland'),
  ('©', E'©\ufe0f', 'a copyright sign as emoji'),
  (E'🅰', E'🅰\ufe0f', 'a blood type'),
  (E'👍\u200b', '👍', 'an emoji without a zero-width space'),
  (E'\u200d👍\u200d', '👍', 'an emoji without dangling joiners'),
  (E'e\u0301', 'é', 'a composed letter'),
  (E'e\ufe0f\u0301', 'é', 'a composed letter without a selector'),
  (E'\ufe0f', '', 'an empty text'),
  ('', '', 'an empty text'),
  (null, null, 'null')
) as forms (form, canonical, description);

select field_is_valid(
  api.check_emoji('f', api.canonical_emoji(emoji)), format('%s is an emoji', emoji)
)
from unnest(array[
  '👍', '❤️', '👩‍👩‍👧‍👦', '🏳️‍🌈', 'a', ':+1:', '/', '%', repeat('x', 16), repeat('👍', 16),
  repeat('❤', 8), repeat(E'👍\ufe0f', 16)
]) as emoji;
select field_is_invalid(
  api.check_emoji('f', api.canonical_emoji(emoji)), format('%s is not an emoji', to_json(emoji))
)
from unnest(array[
  '', null, repeat('x', 17), repeat('❤', 9), 'a b', ' ', E'\t', E'a\n', E'\u0001', E'\u007f',
  E'\u0085', E'\u3000', E'\u200b', E'\u2800', E'\u3164', E'\ufe0f', E'\u200d', E'\u202e', E'a\u202e',
  E'\u2066👍\u2069', E'\U000e0067', E'\u115f'
]) as emoji;

select * from finish();
rollback;
