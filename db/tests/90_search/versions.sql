-- Versions of the rows that search holds. Proves rule 90.14.
begin;
select plan(12);

select make_group('club');
select make_post('post', 'club', 'owner', '{}', 'Before');
select make_comment('comment', 'post');

create function pg_temp.grows(p_table text, p_name text, p_sql text) returns boolean
language plpgsql as $$
declare
  v_before bigint := look(format('select version from %I where id = %L', p_table, the(p_name)));
begin
  perform sudo(p_sql);
  return look(format('select version from %I where id = %L', p_table, the(p_name)))::bigint > v_before;
end
$$;

select is(
  pg_temp.grows(
    relation, name, format('update %I set %s where id = %L', relation, change, the(name))
  ),
  grows, description
)
from (values
  ('group_entity', 'club', 'name = ''New name''', true, 'A new name gives a group a new version'),
  ('group_entity', 'club', 'tags = ''{new}''', true, 'New tags give a group a new version'),
  ('group_entity', 'club', 'visibility = ''secret''', false, 'A new visibility keeps the version'),
  ('group_entity', 'club', 'deleted_at = now()', true, 'A deleted group has a new version'),
  ('post', 'post', 'body = ''After''', true, 'A new body gives a post a new version'),
  ('post', 'post', 'body = body', false, 'An unchanged body keeps the version'),
  ('post', 'post', 'topic_tags = ''{new}''', true, 'New tags give a post a new version'),
  ('post', 'post', 'reactions_count = 0, is_pinned = true', false,
    'Columns that search does not use keep the version'),
  ('post', 'post', 'deleted_at = now()', true, 'A deleted post has a new version'),
  ('comment', 'comment', 'body = ''After''', true, 'A new body gives a comment a new version'),
  ('comment', 'comment', 'deleted_at = now()', true, 'A deleted comment has a new version')
) as changes (relation, name, change, grows, description);
select is(
  look($$
    select count(*) from (
      select version from group_entity union select version from post union select version from comment
    ) as versions
  $$),
  look($$
    select (select count(*) from group_entity) + (select count(*) from post)
      + (select count(*) from comment)
  $$),
  'No two rows share a version'
);

select * from finish();
rollback;
