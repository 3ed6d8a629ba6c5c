-- Indexes of foreign keys: a cascade never scans a whole table. An index serves a key if the key's
-- columns lead it and it contains every row with a key.
--
-- Such an index is whole, or excludes only rows whose key is null. Two partial indexes may share
-- the rows (x is null, x is not null).
begin;
select plan(3);

create temporary view keys as
select oid, conname, conrelid, conkey
from pg_catalog.pg_constraint
where contype = 'f' and connamespace = 'public'::regnamespace;

create temporary view serving as
select k.oid, i.indexrelid::regclass as index, pg_get_expr(i.indpred, i.indrelid) as predicate
from keys as k
join pg_catalog.pg_index as i on i.indrelid = k.conrelid and i.indisvalid
where (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey;

create temporary view unserved as
select k.conrelid::regclass as "table", k.conname
from keys as k
where not exists (
    select from serving as s
    where s.oid = k.oid and (
      s.predicate is null
      or exists (
        select from pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
          and s.predicate = format('(%I IS NOT NULL)', a.attname)
      )
    )
  )
  and not exists (
    select from serving as a
    join serving as b using (oid)
    where a.oid = k.oid
      and a.predicate like '(% IS NULL)'
      and b.predicate = replace(a.predicate, ' IS NULL', ' IS NOT NULL')
  );

select cmp_ok((select count(*) from keys), '>=', 6::bigint, 'The tests cover all foreign keys');
select is_empty('table unserved', 'Every foreign key has an index');

create table public.unindexed (id uuid primary key, parent_id uuid references public.unindexed);
select is(
  (select conname from unserved), 'unindexed_parent_id_fkey',
  'The test detects a foreign key without an index'
);

select * from finish();
rollback;
