-- Changing a group. 04_policy/matrix.sql tests the rights.
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
  'New  name', 'An admin changes a name, which is trimmed'
);
select is(
  (pg_temp.club() ->> 'updated_at')::timestamptz, now(), 'A change sets updated_at'
);
select events_are(
  array['group.updated'], array['group.updated'], 'A change has one event and one audit entry'
);
select event_is(
  'group.updated', 'admin', 'club', null, 'group', 'club', 'The event has the actor and the subject'
);
select is(
  event() -> 'data', jsonb_set(pg_temp.club(), '{role}', 'null'),
  'The event has the new state without viewer fields'
);
select is(audited() #>> '{before,name}', 'Group club', 'The audit entry has the state before');
select is(audited() #>> '{after,name}', 'New  name', 'The audit entry has the state after');

select forget_events();
select is(pg_temp.patch('{}'), pg_temp.club(), 'An empty patch changes nothing');
select is(
  pg_temp.patch('{"name": "New  name", "is_locked": false, "tags": []}'), pg_temp.club(),
  'A patch with the current values changes nothing'
);
select events_are(array[]::text[], array[]::text[], 'A call without effect leaves no event');

select is(pg_temp.patch(patch::jsonb) -> field, value::jsonb, description)
from (values
  ('{"is_locked": true}', 'is_locked', 'true', 'A group is locked'),
  ('{"is_locked": false}', 'is_locked', 'false', 'A group is unlocked'),
  ('{"description": "  About  "}', 'description', '"About"', 'A description is trimmed'),
  ('{"description": null}', 'description', '""', 'A description is cleared'),
  ('{"tags": ["B", "a", "b"]}', 'tags', '["b", "a"]', 'Tags are folded'),
  ('{"tags": []}', 'tags', '[]', 'Tags are cleared by an empty list'),
  ('{"campus_id": "01890a5d-ac96-774b-bcce-b302099a8057"}', 'campus_id',
    '"01890a5d-ac96-774b-bcce-b302099a8057"', 'A campus is set'),
  ('{"campus_id": null}', 'campus_id', 'null', 'A campus is cleared by null'),
  ('{"avatar_key": null, "cover_key": null}', 'avatar_url', 'null', 'An avatar is cleared by null'),
  ('{"name": "Other", "description": "x"}', 'name', '"Other"', 'Several fields change at once')
) as changes (patch, field, value, description);
select is(
  pg_temp.club() ->> 'description', 'x', 'Fields that a patch does not name stay unchanged'
)
from (select pg_temp.patch('{"name": "Third"}')) as patched;

-- Slugs
select is(
  pg_temp.patch(jsonb_build_object('slug', own('new-slug'))) ->> 'slug', own('new-slug'),
  'A slug changes'
);
select throws_code(
  $$ select api.update_group(the('rob'), the('rival'), jsonb_build_object('slug', own('new-slug'))) $$,
  'PT409', 'slug_taken', 'A slug that exists is refused'
);
select lives_ok(
  $$ select api.update_group(the('owner'), the('club'), jsonb_build_object('slug', own('new-slug'))) $$,
  'The current slug is accepted'
);
select matches(
  pg_temp.patch('{"visibility": "secret"}') ->> 'slug', '^new-slug-\d+-[a-z0-9]{12}$',
  'A group that becomes secret gets random characters in its slug'
);
select is(
  pg_temp.patch('{"name": "Still secret"}') ->> 'slug', pg_temp.club() ->> 'slug',
  'A secret group keeps its slug when another field changes'
);
select matches(
  pg_temp.patch(jsonb_build_object('slug', own('again'))) ->> 'slug', '^again-\d+-[a-z0-9]{12}$',
  'A new slug of a secret group gets random characters'
);
select matches(
  pg_temp.patch('{"visibility": "private"}') ->> 'slug', '^again-\d+-[a-z0-9]{12}$',
  'A group that is no longer secret keeps its slug'
);

-- Limits
select throws_fields(
  format('select api.update_group(the(''owner''), the(''club''), %L)', patch), fields, description
)
from (values
  ('{"name": "ab"}', '{name}'::text[], 'A name has at least 3 characters'),
  ('{"name": null}', '{name}', 'A null name is refused'),
  ('{"visibility": "hidden"}', '{visibility}', 'An unknown visibility is refused'),
  ('{"visibility": null}', '{visibility}', 'A null visibility is refused'),
  ('{"slug": "A"}', '{slug}', 'A malformed slug is refused'),
  ('{"is_locked": "yes"}', '{is_locked}', 'A lock that is no boolean is refused'),
  ('{"tags": ["a", ""]}', '{tags}', 'A tag is not blank'),
  ('{"tags": null}', '{tags}', 'Null tags are refused'),
  ('{"campus_id": "x"}', '{campus_id}', 'A campus that is no UUID is refused'),
  ('{"members_count": 5}', '{members_count}', 'A counter is not a field of the patch'),
  ('{"deleted_at": null}', '{deleted_at}', 'The deletion time is not a field of the patch'),
  ('[]', '{body}', 'A patch is a JSON object')
) as wrong (patch, fields, description);
select throws_code(
  format('select api.update_group(the(''owner''), the(''club''), %L)', patch),
  'PT422', 'attachment_mismatch', 'An unknown key of an avatar or cover is refused'
)
from unnest(array['{"avatar_key": "pictures/1"}', '{"cover_key": "pictures/1"}']) as patch;
select counters_hold();

select * from finish();
rollback;
