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

select is(pg_temp.counts(), '1 1', 'An owner is a member');
insert into public.group_member (group_id, user_id, role)
select the(name), gen_random_uuid(), 'member'
from unnest(array['club', 'club', 'other', 'club']) as name;
select is(pg_temp.counts(), '4 2', 'Each member counts in their group');
select make_banned('banned', 'club');
select is(pg_temp.counts(), '4 2', 'A banned user is none');
update public.group_member set left_at = now()
where group_id = the('club') and role = 'member' and left_at is null;
select is(pg_temp.counts(), '1 2', 'Who leaves counts no more');
update public.group_member set left_at = now() - interval '1 day'
where group_id = the('club') and left_at is not null;
select is(pg_temp.counts(), '1 2', 'Who has left is not counted out again');
select counters_hold();
update public.group_member set left_at = null
where group_id = the('club') and not is_banned;
select is(pg_temp.counts(), '4 2', 'Who comes back counts again');
update public.group_member set muted_until = now(), role = 'admin' where left_at is null;
select is(pg_temp.counts(), '4 2', 'A mute and a role change nothing');
delete from public.group_member where group_id = the('club') and role <> 'owner' and user_id <> the('owner');
select is(pg_temp.counts(), '1 2', 'Members who are removed count no more, and who had left did not');
select counters_hold();
update public.group_entity set members_count = 0 where id = the('club');
select throws_ok(
  $$ delete from public.group_member where group_id = the('club') $$, '23514', null,
  'A count never drops below zero'
);
update public.group_entity set members_count = 1 where id = the('club');
delete from public.group_entity where id = the('other');
select is_empty(
  $$ select id from public.group_member where group_id = the('other') $$, 'With a group its members go'
);
select counters_hold();

select * from finish();
rollback;
