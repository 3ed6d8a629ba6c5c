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
  format('The %s finds only visible hits of a %s group', actor, visibility)
)
from unnest(array['anonymous', 'stranger', 'banned', 'muted', 'member', 'moderator', 'owner']) as actor
cross join unnest(array['public', 'private', 'secret']) as visibility;

select is(
  (select item::jsonb -> 'post' from api.find_visible_hits(
    the('member'), json_build_array(pg_temp.hit('post', 'public_post'))
  )),
  (select to_jsonb(p) from api.get_post(the('member'), the('public_post')) as p),
  'A hit has the same shape of a post as get_post'
);
select is(
  (select item -> 'highlights' #>> '{}' from api.find_visible_hits(
    null,
    json_build_array(pg_temp.hit(
      'post', 'public_post',
      look(format('select version from post where id = %L', the('public_post')))::bigint
    ))
  )),
  '{"body" : ["<em>x</em>"]}', 'Highlights of the current version are kept'
);
select is(
  (select item -> 'highlights' #>> '{}' from api.find_visible_hits(
    null, json_build_array(pg_temp.hit('post', 'public_post'))
  )),
  '{}', 'Highlights of another version are dropped'
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
  array[2, 3], 'The first p_most visible hits are returned, in the order of the hits'
);
select is_empty(
  $$ select * from api.find_visible_hits(null, '[{"kind": "user", "id": null}]') $$,
  'A hit of an unknown kind is dropped'
);

-- Groups and posts that the next round of a search excludes
select set_eq(
  format(
    'select api.find_hidden_parents(%L, array[the(''public''), the(''private''), the(''secret'')], '
      'array[the(''public_post'')])',
    the(actor)
  ),
  case when actor = 'member' then '{}' else array[the('private'), the('secret')] end::uuid[],
  format('The next round of a search excludes the groups hidden from the %s', actor)
)
from unnest(array['anonymous', 'stranger', 'banned', 'member']) as actor;
select api.delete_post(the('owner'), the('public_post'));
select is(
  (select array_agg(id) from api.find_hidden_parents(the('owner'), '{}', array[the('public_post')]) as id),
  array[the('public_post')], 'The next round of a search excludes deleted posts'
);
select is(
  pg_temp.found(actor, 'public'), 'group',
  format('The %s finds no deleted post and no comment of it', actor)
)
from unnest(array['stranger', 'moderator']) as actor;
select from api.restore_post(the('owner'), the('public_post'));
select api.delete_comment(the('owner'), the('public_comment'));
select is(
  pg_temp.found('moderator', 'public'), 'group post', 'A moderator does not find a deleted comment'
);
select api.delete_group(the('owner'), the('public'));
select is(
  pg_temp.found('owner', 'public'), null, 'An owner does not find a deleted group or its content'
);
select is(
  (select array_agg(id) from api.find_hidden_parents(the('owner'), array[the('public')], '{}') as id),
  array[the('public')], 'The next round of a search excludes deleted groups for their owner'
);
select is_empty(
  format('select * from api.find_visible_hits(%L, ''[]'')', the('owner')), 'No hits return no rows'
);
select counters_hold();

select * from finish();
rollback;
