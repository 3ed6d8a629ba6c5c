-- Repairing wrong counters. Proves rule 83.2.
begin;
select plan(22);

select make_group('club');
select make_post('post', 'club', 'owner', array[own('chess'), own('go')]);
select make_comment('comment', 'post');
select make_comment('reply', 'post', 'owner', 'comment');
select make_comment('below', 'post', 'owner', 'reply');
select make_comment('leaf', 'post');
select make_reaction('post', 'post', 'owner', 'b');
select make_reaction('comment', 'comment', 'owner', 'a');
select make_media('post', 'post');
select make_media('comment', 'comment');
select from api.delete_comment(the('owner'), the('comment'));
select from api.delete_comment(the('owner'), the('reply'));
select from api.delete_comment(the('owner'), the('leaf'));

-- Returns the numbers of repaired and still wrong counters after a statement that breaks some.
create function pg_temp.repaired(p_break text) returns text language plpgsql as $$
declare
  v_repaired int;
  v_left bigint;
begin
  execute p_break;
  v_repaired := api.repair_counters();
  select count(*) into v_left from api.verify_counters();
  raise exception using errcode = 'ZZ000', message = format('%s repaired, %s wrong', v_repaired, v_left);
exception when sqlstate 'ZZ000' then
  return sqlerrm;
end
$$;

select is(pg_temp.repaired('select'), '0 repaired, 0 wrong', 'A repair changes no correct counter');
select is(
  pg_temp.repaired(break), number || ' repaired, 0 wrong', format('A repair corrects: %s', break)
)
from (values
  ('update post set comments_count = 5', 1),
  ('update post set comments_count = 0', 1),
  ('update post set reactions_count = 9', 1),
  ('update post set media_count = 0', 1),
  ('update comment set reactions_count = 7', 4),
  ('update comment set media_count = 3 where media_count = 1', 1),
  ('update comment set is_listed = false where deleted_at is not null', 1),
  ('update comment set is_listed = false where id = the(''comment'')', 1),
  ('update comment set is_listed = true', 1),
  ('update group_entity set members_count = 0', 1),
  ('update reaction_count set count = 5', 2),
  ('delete from reaction_count', 2),
  ('insert into reaction_count values (''post'', the(''post''), ''z'', 3)', 1),
  ('insert into reaction_count values (''post'', gen_random_uuid(), ''z'', 3)', 1),
  ('update topic_tag set posts_count = posts_count + 1', 2),
  ('delete from topic_tag', 2),
  ('update post set comments_count = 5, reactions_count = 5, media_count = 5', 3)
) as broken (break, number);
select is(
  pg_temp.repaired(
    'update post set comments_count = 9; update comment set reactions_count = 9, is_listed = true;
     update group_entity set members_count = 9; delete from reaction_count; delete from topic_tag'
  ),
  '11 repaired, 0 wrong', 'One repair corrects every wrong counter'
);
set local role communities_job;
select is(api.repair_counters(), 0, 'A trusted job may repair counters');
set local role communities_service;
select throws_ok(
  'select api.repair_counters()', '42501', null, 'The service may not repair counters'
);
reset role;
select counters_hold();

select * from finish();
rollback;
