-- Entering the channel of a group or post. Proves rule 95.1.
begin;
select plan(40);

select make_group('public', 'public');
select make_group('private', 'private');
select make_group('secret', 'secret');
select make_cast('public');
select make_cast('private');
select make_cast('secret');
select make_post('public_post', 'public');
select make_post('private_post', 'private');
select make_post('secret_post', 'secret');
set local role communities_job;

select outcomes_are(
  'Entering the channel of a %s group', $$select api.enter_channel(the(%L), 'group', the(%L))$$,
  'anonymous ok unauthenticated not_found, stranger ok forbidden not_found,
    banned ok forbidden not_found, member ok, moderator ok, owner ok',
  'public', 'private', 'secret'
);
select outcomes_are(
  'Entering the channel of a %s', $$select api.enter_channel(the(%L), 'post', the(%L))$$,
  'anonymous ok not_found not_found, stranger ok not_found not_found,
    banned ok not_found not_found, member ok, moderator ok, owner ok',
  'public_post', 'private_post', 'secret_post'
);

select is(
  api.enter_channel(the('member'), 'post', the('secret_post')), the('secret'),
  'The channel of a post returns the group of the post'
);
select is(
  api.enter_channel(the('member'), 'group', the('secret')), the('secret'),
  'The channel of a group returns the group'
);
select throws_code(
  format('select api.enter_channel(the(''owner''), %s, the(''public''))', kind),
  'PT400', 'validation_failed', format('The kind %s is refused', kind)
)
from unnest(array[$$'comment'$$, 'null']) as kind;

select * from finish();
rollback;
