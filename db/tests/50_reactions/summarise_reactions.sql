-- Counting the emoji of a post or comment. 04_policy/matrix.sql tests the rights. Proves rule 50.5.
begin;
select plan(8);

select make_group('club', 'public');
select make_cast('club');
select make_post('post', 'club');
select make_comment('comment', 'post');
select make_reaction('post', 'post', name, '👍') from unnest(array['member', 'muted', 'admin']) as name;
select make_reaction('post', 'post', 'member', emoji) from unnest(array['b', 'a', '🎉']) as emoji;
select make_reaction('comment', 'comment', 'admin', '🎉');
set local role communities_job;

select is(
  api.summarise_reactions(the('member'), 'post', the('post'))::jsonb,
  '[{"emoji": "👍", "count": 3, "reacted": true}, {"emoji": "a", "count": 1, "reacted": true},
    {"emoji": "b", "count": 1, "reacted": true}, {"emoji": "🎉", "count": 1, "reacted": true}]',
  'A summary counts each emoji, most used first, and marks the caller''s own'
);
select is(
  (select array_agg(e ->> 'reacted')
   from json_array_elements(api.summarise_reactions(the(actor), 'post', the('post'))) as e),
  reacted, format('The summary marks the emoji of the %s', actor)
)
from (values
  ('admin', '{true,false,false,false}'::text[]), ('stranger', '{false,false,false,false}'),
  ('anonymous', '{false,false,false,false}')
) as viewers (actor, reacted);
select is(
  api.summarise_reactions(null, 'comment', the('comment'))::jsonb,
  '[{"emoji": "🎉", "count": 1, "reacted": false}]', 'A comment has its own summary'
);
select from api.remove_reaction(the('admin'), 'comment', the('comment'), '🎉');
select is(
  api.summarise_reactions(null, 'comment', the('comment'))::text, '[]',
  'A summary omits an emoji without reactions'
);
select throws_code(
  $$ select api.summarise_reactions(null, 'post', gen_random_uuid()) $$, 'PT404', 'not_found',
  'A post that does not exist is not found'
);
select throws_fields(
  $$ select api.summarise_reactions(null, 'tag', the('post')) $$, array['subject_type'],
  'A tag is refused as a subject'
);

select * from finish();
rollback;
