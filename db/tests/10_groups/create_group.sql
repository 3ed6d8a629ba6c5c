-- Creating a group. Proves rules 02.10, 10.1, 10.2, 10.3, 10.4 and 10.12.
begin;
select plan(40);

select make_user('ada');
select make_user('bob');
select forget_events();
set local role communities_job;

select remember('club', id) from api.create_group(
  the('ada'), E'\u3000Chess Club ', 'public', own('chess'), ' All about chess ',
  '01890a5d-ac96-774b-bcce-b302099a8057', array['Chess', ' GO ', 'chess']
);
select is(
  (select to_jsonb(g) - 'id' from api.get_group(the('ada'), the('club')) as g),
  jsonb_build_object(
    'name', 'Chess Club', 'slug', own('chess'), 'description', 'All about chess',
    'visibility', 'public', 'campus_id', '01890a5d-ac96-774b-bcce-b302099a8057', 'avatar_url', null,
    'cover_url', null, 'tags', array['chess', 'go'], 'is_locked', false, 'members_count', 1,
    'role', 'owner', 'created_by', the('ada'), 'created_at', now(), 'updated_at', now(),
    'deleted_at', null
  ),
  'A new group has the given fields, with texts trimmed and tags folded, and its creator owns it'
);
select is(
  (select array_agg((user_id, role)::text) from api.list_members(null, the('club'))),
  array[(the('ada'), 'owner')::text], 'The creator is its only member'
);
select events_are(
  array['group.created'], array['group.created'], 'A new group has one event and one audit entry'
);
select event_is(
  'group.created', 'ada', 'club', null, 'group', 'club', 'The event has the creator and the group'
);
select is(
  event() -> 'data',
  (select jsonb_set(to_jsonb(g), '{role}', 'null') from api.get_group(the('ada'), the('club')) as g),
  'The event has the group without viewer fields'
);

select is(
  (
    select jsonb_build_object(
      'description', description, 'campus', campus_id, 'tags', tags, 'is_locked', is_locked
    )
    from api.create_group(the('bob'), 'Just a name', 'private')
  ),
  '{"description": "", "campus": null, "tags": [], "is_locked": false}',
  'Only name and visibility are required'
);
select is(
  (select description from api.create_group(the('bob'), 'No words', 'public', p_description => null)),
  '', 'A description that is null is empty'
);

-- Slugs
select is(
  (select slug from api.create_group(the('bob'), own('The Größe') || '!', 'public')),
  own('the-gro-e'), 'A slug is derived from the name'
);
select matches(
  (select slug from api.create_group(the('bob'), own('The Größe'), visibility)), expected,
  'A derived slug that exists gets random characters'
)
from (values
  ('public', '^the-gro-e-\d+-[a-z0-9]{12}$'), ('private', '^the-gro-e-\d+-[a-z0-9]{12}$')
) as taken (visibility, expected);
select throws_code(
  $$ select api.create_group(the('bob'), 'Another', 'private', own('chess')) $$,
  'PT409', 'slug_taken', 'A given slug that exists is refused'
);
select matches(
  (select slug from api.create_group(the('bob'), 'Another', 'secret', own('chess'))),
  '^chess-\d+-[a-z0-9]{12}$', 'A given slug of a secret group gets random characters'
);
select matches(
  (select slug from api.create_group(the('bob'), own('hidden'), 'secret')),
  '^hidden-\d+-[a-z0-9]{12}$', 'A derived slug of a secret group gets random characters'
);
select lives_ok(
  $$ select api.create_group(the('bob'), 'Open', 'public', own('hidden')) $$,
  'A secret group does not occupy its given slug'
);
select is(
  (select char_length(slug) from api.create_group(the('bob'), 'x' || own('y'), 'secret', repeat('a', 80))),
  80, 'A slug with random characters has at most 80 characters'
);
select lives_ok(
  $$ select api.create_group(the('bob'), '日本語', 'secret') $$,
  'A name without Latin letters has a derived slug'
);
select from api.delete_group(the('ada'), the('club'));
select lives_ok(
  $$ select api.create_group(the('bob'), 'Another', 'public', own('chess')) $$,
  'The slug of a deleted group is free'
);

-- Limits
select throws_fields(
  format('select api.create_group(the(''bob''), %s)', arguments), fields, description
)
from (values
  ($$'ab', 'public'$$, '{name}'::text[], 'A name has at least 3 characters'),
  ($$'  ab  ', 'public'$$, '{name}', 'White space around a name does not count'),
  ($$repeat('a', 81), 'public'$$, '{name}', 'A name has at most 80 characters'),
  ($$null, 'public'$$, '{name}', 'A name is required'),
  ($$'Name', null$$, '{visibility}', 'A visibility is required'),
  ($$'Name', 'hidden'$$, '{visibility}', 'A visibility is public, private or secret'),
  ($$'Name', 'Public'$$, '{visibility}', 'A visibility is in lower case'),
  ($$'Name', 'public', 'ab'$$, '{slug}', 'A slug has at least 3 characters'),
  ($$'Name', 'public', repeat('a', 81)$$, '{slug}', 'A slug has at most 80 characters'),
  ($$'Name', 'public', 'My-Slug'$$, '{slug}', 'A slug is in lower case'),
  ($$'Name', 'public', ''$$, '{slug}', 'A slug is not empty'),
  ($$'Name', 'secret', 'my slug'$$, '{slug}', 'The slug of a secret group is checked'),
  ($$'Name', 'public', p_description => repeat('a', 2001)$$, '{description}',
    'A description has at most 2,000 characters'),
  ($$'Name', 'public', p_tags => array_fill('a'::text, array[3]) || '{b,c,d,e,f,g,h,i,j,k}'::text[]$$,
    '{tags}', 'A group has at most 10 different tags'),
  ($$'Name', 'public', p_tags => array[repeat('a', 51)]$$, '{tags}',
    'A tag has at most 50 characters'),
  ($$'Name', 'public', p_tags => array[' ']$$, '{tags}', 'A tag is not blank'),
  ($$'a', 'b', 'c', repeat('d', 2001), p_tags => '{""}'$$,
    '{name,slug,description,visibility,tags}', 'One error names all invalid fields')
) as wrong (arguments, fields, description);
select lives_ok(
  format('select api.create_group(the(''bob''), %s)', arguments), description
)
from (values
  ($$repeat('é', 80), 'public', p_description => repeat('é', 2000)$$,
    'Lengths count characters, not bytes'),
  ($$'Name', 'public', own('x'), '', null, '{a,b,c,d,e,f,g,h,i,j,A}'$$,
    'A group may have 10 different tags')
) as right_ones (arguments, description);
select throws_code(
  format('select api.create_group(the(''bob''), ''Name'', ''public'', %s => ''pictures/1'')', field),
  'PT422', 'attachment_mismatch', 'An unknown key of an avatar or cover is refused'
)
from unnest(array['p_avatar_key', 'p_cover_key']) as field;
select throws_code(
  $$ select api.create_group(null, 'ab', 'hidden') $$, 'PT401', 'unauthenticated',
  'An anonymous caller learns nothing about an invalid argument'
);
select counters_hold();

select * from finish();
rollback;
