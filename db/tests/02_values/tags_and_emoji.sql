-- How tags are folded and emoji checked (§8).
begin;
select plan(35);

select is(api.fold_tags(array['Chess', 'GO']), array['chess', 'go'], 'A tag is in lower case');
select is(api.fold_tags(array['ÄPFEL']), array['äpfel'], 'A tag of any script is in lower case');
select is(api.fold_tags(array[E'\u00a0chess\t']), array['chess'], 'A tag is trimmed');
select is(
  api.fold_tags(array['go', 'Chess', ' GO ', 'chess', 'art']), array['go', 'chess', 'art'],
  'A tag that is repeated stays where it came first'
);
select is(api.fold_tags('{}'), '{}'::text[], 'No tags stay none');
select is(api.fold_tags(null), '{}'::text[], 'Tags that are not given are none');

select field_is_right(
  api.check_tags('f', array(select 't' || n from generate_series(1, 10) as n)),
  'Ten tags are allowed'
);
select field_is_wrong(
  api.check_tags('f', array(select 't' || n from generate_series(1, 11) as n)),
  'Eleven are too many'
);
select field_is_right(api.check_tags('f', array[repeat('é', 50)]), 'A tag of 50 characters is allowed');
select field_is_wrong(api.check_tags('f', array[repeat('é', 51)]), 'One of 51 is too long');
select field_is_wrong(api.check_tags('f', array['a', '']), 'A blank tag is an error');
select field_is_wrong(api.check_tags('f', array['a', null]), 'A tag that is null is an error');
select field_is_right(api.check_tags('f', '{}'), 'No tags are right');
select field_is_right(
  api.check_tags('f', api.fold_tags(array_fill('Same'::text, array[11]))),
  'Repeats count once'
);

select field_is_right(api.check_emoji('f', emoji), format('%s is an emoji', emoji))
from unnest(array[
  '👍', '❤️', '👩‍👩‍👧‍👦', '🏳️‍🌈', 'a', ':+1:', '/', '%', repeat('x', 16), repeat('👍', 16)
]) as emoji;
select field_is_wrong(
  api.check_emoji('f', emoji), format('%s is none', to_json(emoji))
)
from unnest(array[
  '', null, repeat('x', 17), 'a b', ' ', E'\t', E'a\n', E'\u0001', E'\u007f', E'\u0085', E'\u3000'
]) as emoji;

select * from finish();
rollback;
