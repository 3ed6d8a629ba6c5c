-- Documents that the index holds, in the order of their ids. Proves rule 90.8.
begin;
select plan(6);

select make_group('club');
select make_post('post_' || n, 'club') from generate_series(1, 5) as n;
select make_comment('comment', 'post_1');
select api.delete_post(the('owner'), the('post_2'));
set local role communities_job;

select is(
  (select array_agg(id order by id) from api.find_search_documents('post')
   where document ->> 'group_id' = the('club')::text),
  (select array_agg(the('post_' || n) order by the('post_' || n)) from unnest(array[1, 3, 4, 5]) as n),
  'All posts that are not deleted have a document'
);
select is(
  (select document::jsonb - 'version' from api.find_search_documents('post')
   where deleted and id = the('post_2')),
  jsonb_build_object('kind', 'post', 'id', the('post_2'), 'deleted', true),
  'A deleted post has a tombstone'
);
select is(
  array(select id from api.find_search_documents('post', (select id from api.find_search_documents('post') limit 1), 2)),
  array(select id from api.find_search_documents('post') order by id offset 1 limit 2),
  'A page starts after p_after and has at most p_most documents'
);
select isnt_empty(
  format('select from api.find_search_documents(''comment'') where id = %L', the('comment')),
  'A comment has a document'
);
select isnt_empty(
  format('select from api.find_search_documents(''group'') where id = %L', the('club')),
  'A group has a document'
);
select throws_fields(
  $$ select api.find_search_documents('user') $$, array['kind'], 'Another kind is refused'
);

select * from finish();
rollback;
