-- Changing a group. 04_policy/matrix.sql tests who may.
-- Proves rules 02.12, 10.3, 10.4, 10.8, 10.9 and 10.12.
begin;
select plan(43);

select make_group('club', 'public');
select make_cast('club');
select make_group('rival', 'public', 'rob');
select make_group('hidden', 'secret');
select forget_events();
select sudo($$ update group_entity set updated_at = now() - interval '1 day' $$);
set local role communities_job;

create function pg_temp.club() returns jsonb language sql as $$
  select to_jsonb(g) from api.get_group(the('owner'), the('club')) as g
$$;
create function pg_temp.patch(p_patch jsonb, p_group text default 'club') returns jsonb
language sql as $$
  select to_jsonb(g) from api.update_group(the('owner'), the(p_group), p_patch) as g
$$;

select is(
  (select name from api.update_group(the('admin'), the('club'), '{"name": " New  name\n"}')),
  'New  name', 'An admin changes a name, and it is trimmed'
);
select is(
  (pg_temp.club() ->> 'updated_at')::timestamptz, now(), 'A change sets updated_at'
);
select events_are(array['group.updated'], array['group.updated'], 'A change is one event, audited');
select event_is('group.updated', 'admin', 'club', null, 'group', 'club', 'The event tells who and what');
select is(
  event() -> 'data', jsonb_set(pg_temp.club(), '{role}', 'null'),
  'The event holds the new group as nobody in particular sees it'
);
select is(audited() #>> '{before,name}', 'Group club', 'The audit log holds what was before');
select is(audited() #>> '{after,name}', 'New  name', 'And what came after');

select forget_events();
select is(pg_temp.patch('{}'), pg_temp.club(), 'An empty patch changes nothing');
select is(
  pg_temp.patch('{"name": "New  name", "is_locked": false, "tags": []}'), pg_temp.club(),
  'A patch of what is there already changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'And leaves no event');

select is(pg_temp.patch(patch::jsonb) -> field, value::jsonb, description)
from (values
  ('{"is_locked": true}', 'is_locked', 'true', 'A group is locked'),
  ('{"is_locked": false}', 'is_locked', 'false', 'A group is unlocked'),
  ('{"description": "  About  "}', 'description', '"About"', 'A description is trimmed'),
  ('{"description": null}', 'description', '""', 'A description is cleared'),
  ('{"tags": ["B", "a", "b"]}', 'tags', '["b", "a"]', 'Tags are folded'),
  ('{"tags": []}', 'tags', '[]', 'Tags are taken away'),
  ('{"campus_id": "01890a5d-ac96-774b-bcce-b302099a8057"}', 'campus_id',
    '"01890a5d-ac96-774b-bcce-b302099a8057"', 'A group goes to a campus'),
  ('{"campus_id": null}', 'campus_id', 'null', 'A group is global'),
  ('{"avatar_key": null, "cover_key": null}', 'avatar_url', 'null', 'A picture is taken away'),
  ('{"name": "Other", "description": "x"}', 'name', '"Other"', 'Several fields change at once')
) as changes (patch, field, value, description);
select is(
  pg_temp.club() ->> 'description', 'x', 'Fields that a patch doesn''t name stay as they are'
)
from (select pg_temp.patch('{"name": "Third"}')) as patched;

-- Slugs
select is(
  pg_temp.patch(jsonb_build_object('slug', own('new-slug'))) ->> 'slug', own('new-slug'),
  'A slug changes'
);
select throws_code(
  $$ select api.update_group(the('rob'), the('rival'), jsonb_build_object('slug', own('new-slug'))) $$,
  'PT409', 'slug_taken', 'A slug that is taken does not'
);
select lives_ok(
  $$ select api.update_group(the('owner'), the('club'), jsonb_build_object('slug', own('new-slug'))) $$,
  'One''s own slug is not taken'
);
select matches(
  pg_temp.patch('{"visibility": "secret"}') ->> 'slug', '^new-slug-\d+-[a-z0-9]{12}$',
  'A group that is made secret gets a random ending to its slug'
);
select is(
  pg_temp.patch('{"name": "Still secret"}') ->> 'slug', pg_temp.club() ->> 'slug',
  'A secret group keeps its slug when something else changes'
);
select matches(
  pg_temp.patch(jsonb_build_object('slug', own('again'))) ->> 'slug', '^again-\d+-[a-z0-9]{12}$',
  'A secret group''s new slug gets a random ending'
);
select matches(
  pg_temp.patch('{"visibility": "private"}') ->> 'slug', '^again-\d+-[a-z0-9]{12}$',
  'A group that is secret no more keeps its slug'
);

-- Limits
select throws_fields(
  format('select api.update_group(the(''owner''), the(''club''), %L)', patch), fields, description
)
from (values
  ('{"name": "ab"}', '{name}'::text[], 'A name has 3 characters at least'),
  ('{"name": null}', '{name}', 'A name is not cleared'),
  ('{"visibility": "hidden"}', '{visibility}', 'A visibility is one of three'),
  ('{"visibility": null}', '{visibility}', 'A visibility is not cleared'),
  ('{"slug": "A"}', '{slug}', 'A slug is one'),
  ('{"is_locked": "yes"}', '{is_locked}', 'A lock is a boolean'),
  ('{"tags": ["a", ""]}', '{tags}', 'A tag is not blank'),
  ('{"tags": null}', '{tags}', 'Tags are not cleared with null'),
  ('{"campus_id": "x"}', '{campus_id}', 'A campus is a UUID'),
  ('{"members_count": 5}', '{members_count}', 'A field that nobody sets is unknown'),
  ('{"deleted_at": null}', '{deleted_at}', 'And so is what only deleting sets'),
  ('[]', '{body}', 'A patch is an object')
) as wrong (patch, fields, description);
select throws_code(
  format('select api.update_group(the(''owner''), the(''club''), %L)', patch),
  'PT422', 'attachment_mismatch', 'A picture is one that was uploaded for it'
)
from unnest(array['{"avatar_key": "pictures/1"}', '{"cover_key": "pictures/1"}']) as patch;
select counters_hold();

select * from finish();
rollback;
