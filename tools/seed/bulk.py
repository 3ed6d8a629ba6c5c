"""As many posts as asked for, with comments and reactions to match, for trying out size.

Rows are made by PostgreSQL, in batches that are each one transaction, so that an interrupted run
leaves whole batches. Every row has a number, and an id made from it: how far a run came is the
highest id of a post, and the next run goes on from there.

The counting triggers are off while a batch is written, and the counters go in with their rows:
counting row by row would write every post three times over and leave its table as bloated.
`api.verify_counters` proves them at the end. Whoever writes to these tables meanwhile waits for the
batch. Nothing is written to the outbox: the rows never passed through the rulebook, and a million
events would only keep every consumer busy. Search learns of them when its index is built anew.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import tenacity
from psycopg import errors

from tools import display
from tools.failure import Failure
from tools.seed import words

MOST = 1_000_000
BATCH = 20_000
USERS = 5_000

# Of each group: members, visibility, and its share of all posts. The four largest ones have more
# than 100,000 posts each at a million; the others are ever smaller.
_GROUPS = (
    (5000, "public", 0.5),
    (3000, "private", 0.12),
    (2800, "secret", 0.11),
    (2600, "public", 0.1),
    *(
        (60 + 20 * (40 - number), "private" if number % 6 == 1 else "public", 0.0615 / (number - 2))
        for number in range(5, 41)
    ),
)
_MEMBERS = [members for members, _, _ in _GROUPS]
_NUMBERS = [*range(1, len(_GROUPS) + 1)]

# An id holds its kind and two numbers, in the form of a UUID of version 7.
USER, GROUP, POST, COMMENT, REACTION = range(1, 6)
_MAKE_ID = f"""
create or replace function pg_temp.bulk_id(p_kind int, p_major bigint, p_minor bigint) returns uuid
  language sql immutable
  return (
    to_hex(
      (({0x5EED0000} + p_kind)::bigint << 32)
      | ((p_major >> 12) << 16) | {0x7000} | (p_major & {0xFFF})
    )
    || to_hex(({-(2**63)})::bigint | p_minor)
  )::uuid
"""

# The members of a group are every 13th user from a place of its own, so that none comes twice.
_MAKE_MEMBER = f"""
create or replace function pg_temp.bulk_member(p_group int, p_number bigint) returns uuid
  language sql immutable
  return pg_temp.bulk_id(1, 0, (p_group * 997 + p_number * 13) % {USERS})
"""

_LAST_POST = """
select coalesce(
  (
    select ('x' || substr(id::text, 10, 4) || substr(id::text, 16, 3))::bit(28)::int
    from post
    where id between pg_temp.bulk_id(3, 0, 0) and pg_temp.bulk_id(3, 268435455, 0)
    order by id desc limit 1
  ),
  0
)
"""

_ADD_GROUPS = """
insert into group_entity (
  id, name, slug, visibility, description, campus_id, members_count, created_by, created_at,
  updated_at
)
select
  pg_temp.bulk_id(2, number, 0), name, slug, visibility, description, campus_id, members,
  pg_temp.bulk_member(number, 0), t.at, t.at
from unnest(
  %(numbers)s::int[], %(names)s::text[], %(slugs)s::text[], %(visibilities)s::text[],
  %(descriptions)s::text[], %(campuses)s::uuid[], %(members)s::int[]
) as given (number, name, slug, visibility, description, campus_id, members)
cross join lateral (select now() - interval '2 years' + number * interval '7 days' as at) as t
"""

_ADD_MEMBERS = """
insert into group_member (group_id, user_id, role, joined_at, created_at, updated_at)
select
  g.id, pg_temp.bulk_member(given.number, k),
  case
    when k = 0 then 'owner' when k <= 2 then 'admin' when k <= 5 then 'moderator' else 'member'
  end,
  t.at, t.at, t.at
from unnest(%(numbers)s::int[], %(members)s::int[]) as given (number, members)
join group_entity as g on g.id = pg_temp.bulk_id(2, given.number, 0)
cross join lateral generate_series(0, members - 1) as k
cross join lateral (select g.created_at + k * interval '1 hour' / 10 as at) as t
"""

# In the order in which the counting triggers take them, so that nobody is in a deadlock with us.
_LOCK = "lock table reaction, comment, post in share row exclusive mode"

_NEW_POSTS = """
create temp table bulk_post on commit drop as
select
  i, pg_temp.bulk_id(3, i, 0) as id, number as group_number,
  pg_temp.bulk_id(2, number, 0) as group_id, g.members,
  %(now)s::timestamptz - interval '1 year' * (1 - (i - %(begin)s + random()) / %(span)s)
    as created_at,
  floor(power(random(), 2) * g.members)::int as author,
  floor(random() * g.members)::int as first_reactor,
  case
    when i %% 25000 = 7 then least(4000, 50 + %(total)s / 50)
    else least(floor(power(1 - random(), -0.62) * 1.15 - 0.6), 400)
  end::int as comments,
  least(
    case
      when i %% 25000 = 7 then least(4500, 50 + %(total)s / 40)
      else floor(power(1 - random(), -0.6) * 1.5 - 0.7)
    end,
    g.members, 4500
  )::int as reactions,
  random() as dice
from (
  select i, width_bucket(random(), %(shares)s::float8[]) as number
  from generate_series(%(first)s::int, %(last)s::int) as i
  offset 0 -- the dice are thrown once for each post
) as d
join unnest(%(numbers)s::int[], %(members)s::int[]) as g (number, members) using (number)
"""

# Eight places in a thread, again and again: how far up a comment's parent is, and how deep it is.
_NEW_COMMENTS = """
create temp table bulk_comment on commit drop as
select
  p.i, j, pg_temp.bulk_id(4, p.i, j) as id, p.id as post_id, p.group_id, p.group_number, p.members,
  pg_temp.bulk_id(4, p.i, j - (array[null, 1, 1, 3, null, 1, 1, 1])[1 + j %% 8]) as parent_id,
  (array[0, 1, 2, 1, 0, 1, 2, 3])[1 + j %% 8] as depth,
  floor(power(random(), 1.5) * p.members)::int as author,
  p.created_at + t.per_comment * (j + random()) as created_at,
  case when random() < 0.02 and j %% 8 in (0, 3) then p.created_at + t.lasted end as deleted_at,
  j %% 8 = 0 and j + 1 < p.comments as has_reply,
  case when random() < 0.12 then least(floor(power(1 - random(), -0.6)), 20, p.members) else 0 end
    ::int as reactions
from bulk_post as p
cross join lateral (
  select least(%(now)s - p.created_at, interval '5 days') as lasted,
    least(%(now)s - p.created_at, interval '5 days') / greatest(p.comments, 1) as per_comment
) as t
cross join lateral generate_series(0, p.comments - 1) as j
"""

_NEW_REACTIONS = """
create temp table bulk_reaction on commit drop as
select
  pg_temp.bulk_id(5, s.i, s.first_number + j) as id,
  s.group_id, s.post_id, s.subject_type, s.subject_id,
  pg_temp.bulk_member(s.group_number, (s.first_reactor + j) %% s.members) as user_id,
  (%(emoji)s::text[])[1 + floor(power(random(), 2.2) * %(emoji_count)s)::int] as emoji,
  s.created_at + least(%(now)s - s.created_at, interval '9 days') * power(random(), 2) as created_at
from (
  select
    i, group_id, group_number, members, 'post' as subject_type, id as post_id, id as subject_id,
    0::bigint as first_number, first_reactor, reactions, created_at
  from bulk_post
  union all
  select
    i, group_id, group_number, members, 'comment', post_id, id, (j + 1) * 8192::bigint, author,
    reactions, created_at
  from bulk_comment
  where deleted_at is null
) as s
cross join lateral generate_series(0, s.reactions - 1) as j
"""

_INSERT_POSTS = """
insert into post (
  id, group_id, author_id, title, body, topic_tags, reactions_count, comments_count, is_pinned,
  created_at, updated_at, deleted_at
)
select
  p.id, p.group_id, pg_temp.bulk_member(p.group_number, p.author),
  case when p.dice < 0.8 then
    (%(openings)s::text[])[1 + floor(random() * %(openings_count)s)::int] || ' '
    || (%(subjects)s::text[])[1 + floor(random() * %(subjects_count)s)::int]
  end,
  (
    select string_agg((%(sentences)s::text[])[1 + floor(random() * %(sentences_count)s)::int], ' ')
    from generate_series(0, (p.i %% 5)) as n where p.i > 0
  ),
  array(
    select (%(tags)s::text[])[
      1 + (floor(power(p.dice, 2) * %(tags_count)s)::int + n * 7) %% %(tags_count)s
    ]
    from generate_series(1, (array[0, 1, 0, 2, 1, 3, 0, 1, 2, 1])[1 + p.i %% 10]) as n
  ),
  p.reactions, coalesce(c.living, 0), p.dice > 0.9998, p.created_at, p.created_at,
  case when p.dice < 0.01 then p.created_at + least(%(now)s - p.created_at, interval '9 days') end
from bulk_post as p
left join (
  select i, count(*) filter (where deleted_at is null) as living from bulk_comment group by i
) as c using (i)
"""

_INSERT_COMMENTS = """
insert into comment (
  id, group_id, post_id, author_id, parent_id, body, depth, reactions_count, is_listed, created_at,
  updated_at, deleted_at
)
select
  id, group_id, post_id, pg_temp.bulk_member(group_number, author), parent_id,
  (%(remarks)s::text[])[1 + floor(random() * %(remarks_count)s)::int], depth,
  case when deleted_at is null then reactions else 0 end, deleted_at is null or has_reply,
  created_at, created_at, deleted_at
from bulk_comment
"""

_INSERT_REACTIONS = """
insert into reaction (id, group_id, post_id, subject_type, subject_id, user_id, emoji, created_at)
select id, group_id, post_id, subject_type, subject_id, user_id, emoji, created_at
from bulk_reaction
"""

_COUNT_EMOJI = """
insert into reaction_count (subject_type, subject_id, emoji, count)
select subject_type, subject_id, emoji, count(*) from bulk_reaction
group by 1, 2, 3
order by 1, 2, 3
"""

_COUNT_TAGS = """
insert into topic_tag as t (tag, posts_count)
select tag, count(*)
from post as p
join group_entity as g on g.id = p.group_id
cross join lateral unnest(p.topic_tags) as tag
where p.id between pg_temp.bulk_id(3, %(first)s, 0) and pg_temp.bulk_id(3, %(last)s, 0)
  and p.deleted_at is null and g.visibility = 'public' and g.deleted_at is null
group by tag
order by tag collate "C"
on conflict (tag) do update set posts_count = t.posts_count + excluded.posts_count
"""


@dataclass(frozen=True)
class Made:
    """What a run has added."""

    posts: int = 0
    comments: int = 0
    reactions: int = 0


def identify(kind: int, major: int, minor: int) -> uuid.UUID:
    """The id of a row that was made here."""
    high = 0x5EED0000 + kind << 32 | major >> 12 << 16 | 0x7000 | major & 0xFFF
    return uuid.UUID(int=high << 64 | 1 << 63 | minor)


def make(connection: psycopg.Connection, total: int, campuses: Sequence[uuid.UUID]) -> Made:
    """Add what is missing to this many posts. The connection is in autocommit mode."""
    if not 1 <= total <= MOST:
        raise Failure(f"SCALE must be between 1 and {MOST:,}")
    connection.execute("set role communities_owner")
    connection.execute("set work_mem = '64MB'")
    # Longer than a second: by then the server itself has sent its autovacuum out of the way.
    connection.execute("set lock_timeout = '5s'")
    connection.execute(_MAKE_ID)
    connection.execute(_MAKE_MEMBER)
    _patiently(_make_groups, connection, campuses)
    begin = _posts(connection) + 1
    if begin > total:
        return Made()
    comments = reactions = 0
    params = _params(connection, begin, total)
    with display.bar("posts", total - begin + 1) as advance:
        for first in range(begin, total + 1, BATCH):
            last = min(first + BATCH - 1, total)
            made = _patiently(_make_batch, connection, {**params, "first": first, "last": last})
            comments += made.comments
            reactions += made.reactions
            advance(made.posts)
    with display.busy("vacuum and analyze"):
        tables = "post, comment, reaction, reaction_count, topic_tag, group_entity, group_member"
        connection.execute(f"vacuum (analyze) {tables}")
    return Made(total - begin + 1, comments, reactions)


def _posts(connection: psycopg.Connection) -> int:
    row = connection.execute(_LAST_POST).fetchone()
    assert row is not None
    return int(row[0])


def _params(connection: psycopg.Connection, begin: int, total: int) -> dict[str, Any]:
    texts = {
        name.lower(): [*getattr(words, name)]
        for name in ("EMOJI", "TAGS", "OPENINGS", "SUBJECTS", "SENTENCES", "REMARKS")
    }
    # Where the share of each group begins, on the way from 0 to 1.
    shares = [0.0]
    for _, _, share in _GROUPS[:-1]:
        shares.append(shares[-1] + share)
    row = connection.execute("select now()").fetchone()
    assert row is not None
    return {
        "now": row[0],
        "begin": begin,
        "span": total - begin + 1,
        "total": total,
        "numbers": _NUMBERS,
        "members": _MEMBERS,
        "shares": shares,
        **texts,
        **{f"{name}_count": len(items) for name, items in texts.items()},
    }


def _make_groups(connection: psycopg.Connection, campuses: Sequence[uuid.UUID]) -> None:
    with connection.transaction():
        connection.execute("lock table group_member in share row exclusive mode")
        found = connection.execute("select from group_entity where id = pg_temp.bulk_id(2, 1, 0)")
        if found.fetchone() is not None:
            return
        connection.execute("alter table group_member disable trigger user")
        params = {
            "numbers": _NUMBERS,
            "names": [*words.GROUPS],
            # With the number, so that it is nobody else's.
            "slugs": [f"{_slug(name)}-{n}" for n, name in zip(_NUMBERS, words.GROUPS, strict=True)],
            "visibilities": [visibility for _, visibility, _ in _GROUPS],
            "descriptions": ["One of the groups for trying out size." for _ in _NUMBERS],
            "campuses": [campuses[n % len(campuses)] for n in _NUMBERS],
            "members": _MEMBERS,
        }
        connection.execute(_ADD_GROUPS, params)
        connection.execute(_ADD_MEMBERS, params)
        connection.execute("alter table group_member enable trigger user")


def _make_batch(connection: psycopg.Connection, params: Mapping[str, Any]) -> Made:
    tables = ("reaction", "comment", "post")
    with connection.transaction():
        connection.execute(_LOCK)
        if _posts(connection) != params["first"] - 1:
            raise Failure("another `communities seed` is adding posts at the same time")
        for table in tables:
            connection.execute(f"alter table {table} disable trigger user")
        connection.execute("select setseed(%s)", [params["first"] / MOST])
        for query in (_NEW_POSTS, "analyze bulk_post", _NEW_COMMENTS, _NEW_REACTIONS):
            connection.execute(query, params)
        posts = connection.execute(_INSERT_POSTS, params).rowcount
        comments = connection.execute(_INSERT_COMMENTS, params).rowcount
        reactions = connection.execute(_INSERT_REACTIONS, params).rowcount
        connection.execute(_COUNT_EMOJI, params)
        connection.execute(_COUNT_TAGS, params)
        for table in tables:
            connection.execute(f"alter table {table} enable trigger user")
    return Made(posts, comments, reactions)


def _slug(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


_patiently = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
    stop=tenacity.stop_after_attempt(20),
    reraise=True,
)
