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

select is(pg_temp.listed(), 'abcdef', 'Living comments are listed');
select pg_temp.delete('e');
select is(pg_temp.listed(), 'abcdf', 'A deleted one without replies is not');
select pg_temp.delete('b');
select is(pg_temp.listed(), 'aBcdf', 'A deleted one with a living reply is, as a tombstone');
select pg_temp.delete('a');
select is(pg_temp.listed(), 'ABcdf', 'A tombstone''s parent is one, too');
select pg_temp.delete('c');
select is(pg_temp.listed(), 'ABCdf', 'Down a chain of any length');
select pg_temp.delete('f');
select is(pg_temp.listed(), 'ABCd', 'One living reply is enough');
select counters_hold();
select pg_temp.delete('d');
select is(pg_temp.listed(), '', 'With the last living reply the whole chain goes');
select counters_hold();
select pg_temp.restore('e');
select is(pg_temp.listed(), 'ABCDe', 'With a restored reply the whole chain comes back');
select counters_hold();
select pg_temp.restore('b');
select pg_temp.delete('e');
select is(pg_temp.listed(), 'Ab', 'A living comment within the chain ends it');
select pg_temp.restore('c', 'd', 'e', 'f');
select is(pg_temp.listed(), 'Abcdef', 'Several are restored at once');
select pg_temp.delete('b', 'c', 'd', 'e', 'f');
select is(pg_temp.listed(), '', 'And deleted at once');
select counters_hold();
select pg_temp.restore('a', 'b', 'c', 'd', 'e', 'f');
select pg_temp.delete('a', 'b', 'c', 'd');
select is(pg_temp.listed(), 'ABCDef', 'Those who live keep all above them');
select counters_hold();

-- Removal
delete from public.comment where id = the('f');
select is(pg_temp.listed(), 'ABCDe', 'Removing one of two living replies changes nothing above');
delete from public.comment where id = the('e');
select is(pg_temp.listed(), '', 'Removing the last one takes the chain off the list');
select counters_hold();
select pg_temp.restore('d');
delete from public.comment where id = the('b');
select is(pg_temp.listed(), 'Cd', 'Removing a tombstone cuts the chain: what was above it goes');
select counters_hold();
delete from public.comment where id in (the('c'), the('d'));
select is(pg_temp.listed(), '', 'A chain is removed at once');
select counters_hold();
select pg_temp.restore('a');
select throws_ok(
  $$ update public.comment set is_listed = false where id = the('a') $$, '23514', null,
  'A living comment is never off the list'
);

select * from finish();
rollback;
