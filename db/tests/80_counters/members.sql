-- members_count of groups. Proves rules 80.3 and 80.8.
begin;
select plan(13);

select make_group('club');
select make_group('other', 'private', 'rob');

create function pg_temp.counts() returns text language sql as $$
  select format('%s %s',
    (select members_count from public.group_entity where id = the('club')),
    (select members_count from public.group_entity where id = the('other'))
  )
$$;

select is(pg_temp.counts(), '1 1', 'An owner counts as a member');
insert into public.group_member (group_id, user_id, role)
select the(name), gen_random_uuid(), 'member'
from unnest(array['club', 'club', 'other', 'club']) as name;
select is(pg_temp.counts(), '4 2', 'Each member counts only in their group');
select make_banned('banned', 'club');
select is(pg_temp.counts(), '4 2', 'A banned user does not count');
update public.group_member set left_at = now()
where group_id = the('club') and role = 'member' and left_at is null;
select is(pg_temp.counts(), '1 2', 'A member who leaves does not count');
update public.group_member set left_at = now() - interval '1 day'
where group_id = the('club') and left_at is not null;
select is(pg_temp.counts(), '1 2', 'Changing a former membership does not change the counter');
select counters_hold();
update public.group_member set left_at = null
where group_id = the('club') and not is_banned;
select is(pg_temp.counts(), '4 2', 'A member who returns counts');
update public.group_member set muted_until = now(), role = 'admin' where left_at is null;
select is(pg_temp.counts(), '4 2', 'A mute or a new role does not change the counter');
delete from public.group_member where group_id = the('club') and role <> 'owner' and user_id <> the('owner');
select is(pg_temp.counts(), '1 2', 'Hard-deleting records subtracts only current members');
select counters_hold();
update public.group_entity set members_count = 0 where id = the('club');
select throws_ok(
  $$ delete from public.group_member where group_id = the('club') $$, '23514', null,
  'A removal cannot make the counter negative'
);
update public.group_entity set members_count = 1 where id = the('club');
delete from public.group_entity where id = the('other');
select is_empty(
  $$ select id from public.group_member where group_id = the('other') $$,
  'Hard-deleting a group deletes its members'
);
select counters_hold();

select * from finish();
rollback;
