-- Tombstones: the deleted comments that lists show. Proves rule 82.1.
begin;
select plan(25);

select make_group('club');
select make_post('post', 'club');
-- a ─ b ─ c ─ d ─ e
--         └ f
select make_comment('a', 'post');
select make_comment('b', 'post', 'owner', 'a');
select make_comment('c', 'post', 'owner', 'b');
select make_comment('d', 'post', 'owner', 'c');
select make_comment('e', 'post', 'owner', 'd');
select make_comment('f', 'post', 'owner', 'c');

create function pg_temp.listed() returns text language sql as $$
  select coalesce(string_agg(
    case when c.deleted_at is null then name else upper(name) end, '' order by name
  ), '')
  from unnest(array['a', 'b', 'c', 'd', 'e', 'f']) as name
  join public.comment as c on c.id = the(name)
  where c.is_listed
$$;
create function pg_temp.delete(variadic p_names text[]) returns void language sql as $$
  update public.comment set deleted_at = now() where id in (select the(n) from unnest(p_names) as n)
$$;
create function pg_temp.restore(variadic p_names text[]) returns void language sql as $$
  update public.comment set deleted_at = null where id in (select the(n) from unnest(p_names) as n)
$$;

select is(pg_temp.listed(), 'abcdef', 'Comments that are not deleted are listed');
select pg_temp.delete('e');
select is(pg_temp.listed(), 'abcdf', 'A deleted comment without replies is not listed');
select pg_temp.delete('b');
select is(pg_temp.listed(), 'aBcdf', 'A deleted comment with a listed reply is a tombstone');
select pg_temp.delete('a');
select is(pg_temp.listed(), 'ABcdf', 'A deleted parent of a tombstone is a tombstone');
select pg_temp.delete('c');
select is(pg_temp.listed(), 'ABCdf', 'A chain of tombstones has any length');
select pg_temp.delete('f');
select is(pg_temp.listed(), 'ABCd', 'One listed reply keeps a tombstone');
select counters_hold();
select pg_temp.delete('d');
select is(pg_temp.listed(), '', 'Deleting the last listed reply unlists the chain above it');
select counters_hold();
select pg_temp.restore('e');
select is(pg_temp.listed(), 'ABCDe', 'Restoring a reply lists the chain above it');
select counters_hold();
select pg_temp.restore('b');
select pg_temp.delete('e');
select is(pg_temp.listed(), 'Ab', 'A comment that is not deleted ends the chain');
select pg_temp.restore('c', 'd', 'e', 'f');
select is(pg_temp.listed(), 'Abcdef', 'Several comments can be restored in one statement');
select pg_temp.delete('b', 'c', 'd', 'e', 'f');
select is(pg_temp.listed(), '', 'Several comments can be deleted in one statement');
select counters_hold();
select pg_temp.restore('a', 'b', 'c', 'd', 'e', 'f');
select pg_temp.delete('a', 'b', 'c', 'd');
select is(pg_temp.listed(), 'ABCDef', 'Listed replies keep every tombstone above them');
select counters_hold();

-- Removal
delete from public.comment where id = the('f');
select is(
  pg_temp.listed(), 'ABCDe', 'Hard-deleting one of two listed replies keeps the tombstones'
);
delete from public.comment where id = the('e');
select is(pg_temp.listed(), '', 'Hard-deleting the last listed reply unlists the chain');
select counters_hold();
select pg_temp.restore('d');
delete from public.comment where id = the('b');
select is(pg_temp.listed(), 'Cd', 'Hard-deleting a tombstone unlists the chain above it');
select counters_hold();
delete from public.comment where id in (the('c'), the('d'));
select is(pg_temp.listed(), '', 'A chain can be hard-deleted in one statement');
select counters_hold();
select pg_temp.restore('a');
select throws_ok(
  $$ update public.comment set is_listed = false where id = the('a') $$, '23514', null,
  'A comment that is not deleted cannot be unlisted'
);

select * from finish();
rollback;
