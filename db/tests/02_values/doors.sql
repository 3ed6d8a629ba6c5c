-- Doors: each one stores and finds texts, tags and emoji in their canonical form.
-- Proves rules 02.1, 02.3, 02.4, 02.5, 02.6 and 02.8.
begin;
select plan(68);

select make_group('club', 'public');
select make_member('member', 'club');
select make_post('post', 'club', 'member');
select make_comment('comment', 'post', 'member');
set local role communities_job;

-- NFC
select is(
  (select array[name, description] from api.create_group(
    the('owner'), E' Cafe\u0301 ', 'public', p_description => E'\u212bngstro\u0308m'
  )),
  array[E'Caf\u00e9', E'\u00c5ngstr\u00f6m'], 'A new group is stored in NFC'
);
select is(
  (select array[name, description] from api.update_group(
    the('owner'), the('club'),
    jsonb_build_object('name', E'Cafe\u0301', 'description', E'e\u0301')
  )),
  array[E'Caf\u00e9', E'\u00e9'], 'A changed group is stored in NFC'
);
select is(
  (select array[title, body] from api.create_post(
    the('member'), the('club'), E'e\u0301', E'E\u0301'
  )),
  array[E'\u00c9', E'\u00e9'], 'A new post is stored in NFC'
);
select is(
  (select array[title, body] from api.update_post(
    the('member'), the('post'), jsonb_build_object('title', E'E\u0301', 'body', E'e\u0301')
  )),
  array[E'\u00c9', E'\u00e9'], 'A changed post is stored in NFC'
);
select is(
  (select body from api.create_comment(the('member'), the('post'), E'e\u0301')), E'\u00e9',
  'A new comment is stored in NFC'
);
select is(
  (select body from api.update_comment(
    the('member'), the('comment'), jsonb_build_object('body', E'e\u0301')
  )),
  E'\u00e9', 'A changed comment is stored in NFC'
);
select is(
  (select q from api.parse_search(null, E'cafe\u0301')), E'caf\u00e9',
  'The words of a search are in NFC'
);
select lives_ok(
  format('select api.create_post(the(''member''), the(''club''), repeat(%L, 40000), repeat(%1$L, 140))',
    E'e\u0301'),
  'A limit counts code points in NFC'
);

-- Blank texts
select throws_fields(
  format('select api.create_group(the(''owner''), %L, ''public'')', repeat(blank, 5)),
  array['name'],
  format('A group name is refused if it is only %s', to_json(blank))
)
from unnest(array[
  E'\u200b', E'\u2800', E'\u3164', E'\u115f', E'\ufeff', E'\u00ad', E'\ufe0f'
]) as blank;
select throws_fields(
  format('select api.create_post(the(''member''), the(''club''), %L)', blank), array['body'],
  format('A post body is refused if it is only %s', to_json(blank))
)
from unnest(array[
  E'\u200b', E'\u2800 \u3164', E'\uffa0', E'\u202e\u202c', E'\u200d', E'\U000e0041'
]) as blank;
select throws_fields(statement, array[field], format('%s may not be blank', description))
from (values
  ($$select api.update_group(the('owner'), the('club'), '{"name": "\u200b\u200b\u200b"}')$$, 'name',
    'The name of a changed group'),
  ($$select api.update_post(the('member'), the('post'), '{"body": "\u2800"}')$$, 'body',
    'The body of a changed post'),
  ($$select api.create_comment(the('member'), the('post'), e'\u2066\u2069')$$, 'body',
    'The body of a new comment'),
  ($$select api.update_comment(the('member'), the('comment'), '{"body": "\u3164"}')$$, 'body',
    'The body of a changed comment'),
  ($$select api.remove_content(the('owner'), the('club'), e'\u200b', p_author_id => the('member'))$$,
    'reason', 'The reason of a removal'),
  ($$select api.parse_search(null, e'\u2800')$$, 'q', 'The words of a search'),
  ($$select api.create_tag(the('member'), e'\u200b#\u3164')$$, 'tag', 'A new tag'),
  ($$select api.create_post(the('member'), the('club'), 'x', null, array[e'\u2800'])$$,
    'topic_tags',
    'The tag of a post'),
  ($$select api.add_reaction(the('member'), 'post', the('post'), e'\u3164')$$, 'emoji', 'An emoji')
) as statements (statement, field, description);
select is(
  (select title from api.create_post(the('member'), the('club'), 'x', E'\u200b\u2800')), null,
  'A blank title is stored as null'
);
select is(
  (select description from api.create_group(
    the('owner'), 'Name', 'public', p_description => E'\u200b'
  )),
  '', 'A blank description is stored as an empty text'
);

-- Bidi controls
select throws_fields(statement, array[field], format('%s may not have bidi controls', description))
from (values
  ($$select api.create_group(the('owner'), e'Club \u202egpj.exe', 'public')$$, 'name',
    'A new name'),
  ($$select api.update_group(the('owner'), the('club'), '{"name": "Club\u2069"}')$$, 'name',
    'A changed name'),
  ($$select api.create_group(the('owner'), 'Name', 'public', p_tags => array[e'a\u2067'])$$, 'tags',
    'The tag of a group'),
  ($$select api.create_post(the('member'), the('club'), 'x', e'a\u202db')$$, 'title',
    'A new title'),
  ($$select api.create_post(the('member'), the('club'), 'x', e'\u202d')$$, 'title',
    'A blank title'),
  ($$select api.update_post(the('member'), the('post'), '{"title": "\u2066a"}')$$, 'title',
    'A changed title'),
  ($$select api.update_post(the('member'), the('post'), '{"topic_tags": ["a\u202a"]}')$$,
    'topic_tags', 'The tag of a changed post'),
  ($$select api.create_tag(the('member'), e'a\u202cb')$$, 'tag', 'A new tag'),
  ($$select api.add_reaction(the('member'), 'post', the('post'), e'\u202ea')$$, 'emoji', 'An emoji')
) as statements (statement, field, description);
select is(
  (select body from api.create_post(the('member'), the('club'), E'a \u202eb\u202c c')),
  E'a \u202eb\u202c c', 'A body may have bidi controls'
);
select is(
  (select body from api.create_comment(the('member'), the('post'), E'\u2067a\u2069')),
  E'\u2067a\u2069', 'A comment may have bidi controls'
);
select is(
  (select name from api.create_group(the('owner'), E'שלום\u200f می\u200cخواهم 👩\u200d🚀', 'public')),
  E'שלום\u200f می\u200cخواهم 👩\u200d🚀', 'A name keeps direction marks and joiners'
);

-- Tags
select remember('tagged', id) from api.create_group(
  the('owner'), 'Tagged', 'public', p_tags => array['#' || own('Cafe') || E'e\u0301', own('a') || '  B']
);
select is(
  (select tags from api.get_group(null, the('tagged'))),
  array[own('cafe') || 'é', own('a') || ' b'], 'A group''s tags are folded'
);
select is(
  (select array_agg(id) from api.list_groups(null, p_tag => form)), array[the('tagged')],
  format('A group is found by its tag as %s', to_json(form))
)
from unnest(array['# ' || own('CAFE') || 'É', own('cafe') || E'e\u0301', own('a') || E'\u3000b ']) as form;
select is(
  (select tags from api.update_group(
    the('owner'), the('tagged'), jsonb_build_object('tags', array['#X', 'x', 'ｘ'])
  )),
  array['x'], 'Tags with the same folded form are stored once'
);
select remember('tagged_post', id) from api.create_post(
  the('member'), the('club'), 'x', null, array['#' || own('Cafe') || E'e\u0301', own('cafe') || 'é']
);
select is(
  (select topic_tags from api.get_post(null, the('tagged_post'))), array[own('cafe') || 'é'],
  'A post''s tags are folded'
);
select is(
  (select array_agg(id) from api.list_posts(null, the('club'), p_tag => form)),
  array[the('tagged_post')], format('A post is found by its tag as %s', to_json(form))
)
from unnest(array['#' || own('Cafe') || E'E\u0301', ' ' || own('cafe') || 'é']) as form;
select throws_code(
  format('select api.create_tag(the(''member''), %L)', form), 'PT409', 'duplicate_tag',
  format('Creating an existing tag as %s is refused', to_json(form))
)
from unnest(array['#' || own('Cafe') || E'e\u0301', own('CAFE') || 'É' ]) as form;
select is(
  (select array_agg(tag || ' ' || posts_count) from api.list_tags(null, form)),
  array[own('cafe') || 'é 1'], format('A tag is found by the prefix %s', to_json(form))
)
from unnest(array['#' || own('CAFE'), own('cafe') || E'e\u0301']) as form;
select is(
  (select array[tag] from api.parse_search(null, 'x', p_tag => E'#Cafe\u0301')), array['café'],
  'A search filters by a folded tag'
);

-- Emoji
select is(
  (select emoji from api.add_reaction(the('member'), subject, the(subject), E'\u2764')),
  E'\u2764\ufe0f', format('A reaction to a %s has the canonical emoji', subject)
)
from unnest(array['post', 'comment']) as subject;
select throws_code(
  format('select api.add_reaction(the(''member''), ''post'', the(''post''), %L)', form),
  'PT409', 'duplicate_reaction',
  format('A second reaction with the emoji as %s is a duplicate', to_json(form))
)
from unnest(array[E'\u2764', E'\u2764\ufe0f', E'\u2764\ufe0e']) as form;
select is(
  (select count(*) from api.list_reactions(null, 'post', the('post'), form)), 1::bigint,
  format('A reaction is listed by the emoji %s', to_json(form))
)
from unnest(array[E'\u2764', E'\u2764\ufe0f']) as form;
select is(
  api.summarise_reactions(null, 'post', the('post'))::jsonb,
  jsonb_build_array(jsonb_build_object('emoji', E'\u2764\ufe0f', 'count', 1, 'reacted', false)),
  'All forms of an emoji share one count'
);
select lives_ok(
  format('select api.remove_reaction(the(''member''), %L, the(%1$L), %L)', subject, form),
  format('A reaction is removed by the emoji %s', to_json(form))
)
from (values ('post', E'\u2764'), ('comment', E'\u2764\ufe0f')) as forms (subject, form);
select counters_hold();

select * from finish();
rollback;
