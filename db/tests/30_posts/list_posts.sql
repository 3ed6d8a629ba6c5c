-- Listing the posts of a group. 04_policy/matrix.sql tests the rights.
-- Proves rules 02.13, 02.15, 30.4 and 30.5.
begin;
select plan(48);

select make_group('club', 'public');
select make_group('other', 'public');
select make_cast('club');
select make_post('p' || n, 'club', case when n % 2 = 0 then 'member' else 'admin' end,
  case when n % 3 = 0 then array[own('chess'), 'x'] else '{}' end, 'p' || n)
from generate_series(1, 9) as n;
select make_post('elsewhere', 'other');
select backdate('post', 'p1', '3 days');
select backdate('post', 'p9', '2 days');
select backdate('post', 'p' || n, '1 day') from generate_series(2, 5) as n;
select from unnest(array['p3', 'p4']) as name
cross join lateral api.set_post_pinned(the('owner'), the(name), true);
select from unnest(array['p5', 'p6']) as name
cross join lateral api.delete_post(the('owner'), the(name)) as d;
set local role communities_job;

-- Returns the numbers of the listed posts, in numerical order.
create function pg_temp.found(p_actor text, p_filters text) returns text language plpgsql as $$
declare
  v_found text;
begin
  execute format(
    'select string_agg(substr(body, 2), '' '' order by body) from api.list_posts(the(%L), the(''club'')%s)',
    p_actor, p_filters
  ) into v_found;
  return v_found;
end
$$;

select is(
  (select string_agg(case when body in ('p1', 'p9') then body else 'p' end, ' ')
   from api.list_posts(null, the('club'))),
  'p p p p p p9 p1', 'The newest post is the first'
);
select is(
  (select array_agg(id) from api.list_posts(null, the('club'))),
  array(select id from api.list_posts(null, the('club')) order by created_at desc, id desc),
  'Posts of the same time are ordered by id'
);
select is(pg_temp.found(actor, filters), found, description)
from (values
  ('anonymous', '', '1 2 3 4 7 8 9', 'The list omits deleted posts'),
  ('moderator', '', '1 2 3 4 7 8 9', 'The list omits deleted posts for a moderator too'),
  ('moderator', ', p_deleted => null', '1 2 3 4 7 8 9',
    'A null p_deleted selects the usual list'),
  ('moderator', ', p_deleted => true', '5 6', 'p_deleted selects only the deleted posts'),
  ('admin', ', p_deleted => true, p_author_id => the(''member'')', '6',
    'Other filters combine with p_deleted'),
  ('anonymous', ', p_author_id => the(''member'')', '2 4 8', 'An author selects their posts'),
  ('anonymous', ', p_author_id => the(''admin'')', '1 3 7 9',
    'An author selects none of their deleted posts'),
  ('anonymous', ', p_author_id => the(''stranger'')', null, 'An author without posts selects none'),
  ('anonymous', ', p_tag => own(''chess'')', '3 9', 'A tag selects its posts'),
  ('anonymous', ', p_tag => upper(own(''chess'')) || '' ''', '3 9',
    'A tag is folded before the search'),
  ('anonymous', ', p_tag => ''nothing''', null, 'A tag without posts selects none'),
  ('anonymous', ', p_pinned => true', '3 4', 'A true p_pinned selects pinned posts'),
  ('anonymous', ', p_pinned => false', '1 2 7 8 9', 'A false p_pinned selects the other posts'),
  ('anonymous', ', p_pinned => true, p_tag => ''x'', p_author_id => the(''admin'')', '3',
    'Filters combine')
) as lists (actor, filters, found, description);

select walks_are_complete(list, true, description)
from (values
  ($$list_posts(the('member'), the('club'))$$, 'every post'),
  ($$list_posts(null, the('club'), p_author_id => the('admin'))$$, 'every post of an author'),
  ($$list_posts(the('owner'), the('club'), p_deleted => true)$$, 'every deleted post')
) as lists (list, description);
select throws_code(
  format('select * from api.list_posts(the(%L), the(''club''), p_deleted => true)', actor),
  state, code,
  format('The %s may not list deleted posts', actor)
)
from (values
  ('anonymous', 'PT401', 'unauthenticated'), ('stranger', 'PT403', 'forbidden'),
  ('banned', 'PT403', 'banned'), ('member', 'PT403', 'forbidden')
) as refused (actor, state, code);
select is(
  (select count(*) from api.list_posts(null, the('club'), p_limit => n, p_lookahead => ahead)),
  expected,
  format('A page of %s has %s rows%s', n, expected, case when ahead then ' with lookahead' else '' end)
)
from (values (1, false, 1::bigint), (1, true, 2), (7, true, 7), (100, true, 7))
  as pages (n, ahead, expected);
select throws_fields(
  format('select * from api.list_posts(null, the(''club''), p_limit => %s, p_lookahead => %L)', n, ahead),
  array['limit'], format('A limit of %s is refused', n)
)
from unnest(array['0', '-1', '101', '2147483647', 'null']) as n
cross join unnest(array[true, false]) as ahead;
select throws_fields(
  format('select * from api.list_posts(null, the(''club''), p_before => %L, p_after => %1$L)',
    cursor(now(), the('p1'))),
  array['before'], 'Two cursors are refused'
);
select throws_code(
  format('select * from api.list_posts(null, the(''club''), p_%s => %L)', direction, text),
  'PT400', 'invalid_cursor',
  format('The cursor %s is refused as %s', quote_literal(text), direction)
)
from unnest(array['before', 'after']) as direction cross join unnest(array['', 'x']) as text;
select is_empty(
  $$ select * from api.list_posts(null, the('club'), p_before => cursor('1999-01-01', the('p1'))) $$,
  'A page before the first post is empty'
);
-- A page continues although the row of its cursor is deleted.
select left(
  set_config('the.place', cursor(created_at, id), true), 0) from api.get_post(null, the('p9')
);
select from api.delete_post(the('owner'), the('p9'));
select is(
  (
    select array_agg(body)
    from api.list_posts(null, the('club'), p_before => current_setting('the.place'))
  ),
  array['p1'], 'A page continues after the post of its cursor was deleted'
);
select counters_hold();

select * from finish();
rollback;
