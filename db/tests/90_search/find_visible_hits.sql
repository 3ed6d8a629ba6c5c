-- Hits that the actor may see. Proves rules 90.1, 90.2, 90.3 and 90.4.
begin;
select plan(38);

select make_group(visibility, visibility), make_cast(visibility),
  make_post(visibility || '_post', visibility),
  make_comment(visibility || '_comment', visibility || '_post')
from unnest(array['public', 'private', 'secret']) as visibility;

create function pg_temp.hit(p_kind text, p_name text, p_version bigint default 0) returns json
language sql as $$
  select json_build_object(
    'kind', p_kind, 'id', the(p_name), 'version', p_version, 'score', 1.5,
    'highlights', json_build_object('body', array['<em>x</em>'])
  )
$$;
create function pg_temp.found(p_actor text, p_group text) returns text
language sql as $$
  select string_agg(item ->> 'type', ' ' order by nr)
  from api.find_visible_hits(
    the(p_actor),
    json_build_array(
      pg_temp.hit('group', p_group), pg_temp.hit('post', p_group || '_post'),
      pg_temp.hit('comment', p_group || '_comment')
    )
  )
$$;
set local role communities_job;

select is(
  pg_temp.found(actor, visibility),
  case
    when actor in ('member', 'muted', 'moderator', 'owner') or visibility = 'public'
      then 'group post comment'
    when visibility = 'private' then 'group'
  end,
  format('What the %s finds of a %s group', actor, visibility)
)
from unnest(array['anonymous', 'stranger', 'banned', 'muted', 'member', 'moderator', 'owner']) as actor
cross join unnest(array['public', 'private', 'secret']) as visibility;

select is(
  (select item::jsonb -> 'post' from api.find_visible_hits(
    the('member'), json_build_array(pg_temp.hit('post', 'public_post'))
  )),
  (select to_jsonb(p) from api.get_post(the('member'), the('public_post')) as p),
  'A post is found as it is got by itself'
);
select is(
  (select item -> 'highlights' #>> '{}' from api.find_visible_hits(
    null,
    json_build_array(pg_temp.hit(
      'post', 'public_post',
      look(format('select version from post where id = %L', the('public_post')))::bigint
    ))
  )),
  '{"body" : ["<em>x</em>"]}', 'Highlights of the row''s own version are kept'
);
select is(
  (select item -> 'highlights' #>> '{}' from api.find_visible_hits(
    null, json_build_array(pg_temp.hit('post', 'public_post'))
  )),
  '{}', 'Highlights of another version are not'
);
select is(
  (select array_agg(nr order by nr) from api.find_visible_hits(
    null,
    json_build_array(
      pg_temp.hit('post', 'secret_post'), pg_temp.hit('comment', 'public_comment'),
      pg_temp.hit('post', 'public_post'), pg_temp.hit('group', 'public')
    ),
    2
  )),
  array[2, 3], 'The first that may be seen are answered, in the order of the hits'
);
select is_empty(
  $$ select * from api.find_visible_hits(null, '[{"kind": "user", "id": null}]') $$,
  'What is no such thing is not found'
);

-- What a search has met, and needs no more of.
select set_eq(
  format(
    'select api.find_hidden_parents(%L, array[the(''public''), the(''private''), the(''secret'')], '
      'array[the(''public_post'')])',
    the(actor)
  ),
  case when actor = 'member' then '{}' else array[the('private'), the('secret')] end::uuid[],
  format('The %s finds nothing in groups that are closed to them', actor)
)
from unnest(array['anonymous', 'stranger', 'banned', 'member']) as actor;
select api.delete_post(the('owner'), the('public_post'));
select is(
  (select array_agg(id) from api.find_hidden_parents(the('owner'), '{}', array[the('public_post')]) as id),
  array[the('public_post')], 'Nor anybody in a deleted post'
);
select is(
  pg_temp.found(actor, 'public'), 'group',
  format('The %s finds no deleted post, and nothing in it', actor)
)
from unnest(array['stranger', 'moderator']) as actor;
select from api.restore_post(the('owner'), the('public_post'));
select api.delete_comment(the('owner'), the('public_comment'));
select is(pg_temp.found('moderator', 'public'), 'group post', 'Nobody finds a deleted comment');
select api.delete_group(the('owner'), the('public'));
select is(pg_temp.found('owner', 'public'), null, 'Nobody finds a deleted group, nor anything in it');
select is(
  (select array_agg(id) from api.find_hidden_parents(the('owner'), array[the('public')], '{}') as id),
  array[the('public')], 'So it is closed to its owner, too'
);
select is_empty(
  format('select * from api.find_visible_hits(%L, ''[]'')', the('owner')), 'Nothing is found in nothing'
);
select counters_hold();

select * from finish();
rollback;
