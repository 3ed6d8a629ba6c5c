"""`python -m bench.retention`: delivered events go by batched deletes, or with their partition.

Two databases hold the same outbox, one as it is, one with the table in partitions by ranges of ids.
Writers, both consumers and whoever prunes work on one and the other by turns.
"""

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, LiteralString

import orjson
import psycopg
import typer
from psycopg import sql
from rich import console, table

from bench import pgbench, stand
from tools import databases, display, migrate, signals, stack

WRITERS: Final = 4
KEPT: Final = 100_000
# Ids: of what is kept by default there are about as many partitions as a day has hours.
PARTITION: Final = 5_000
AHEAD: Final = 5_000  # ids, at least
PRUNED_EVERY: Final = 1.0  # seconds
DELETED_AT_ONCE: Final = 1000
OWNER: Final = "communities_owner"

WRITE: Final = """
select api.emit(
  'post.created', '5eed0001-0000-7000-8000-000000000001', null, null, 'post', gen_random_uuid(),
  json_build_object('body', repeat('What people write. ', 20))
);
"""
# What is kept all the time: delivered, and never old enough.
FILL: Final = """
insert into public.outbox_event (
  aggregate_type, aggregate_id, event_type, payload, stream, processed_at, published_at,
  created_at, stream_seq
)
select
  'post', gen_random_uuid(), 'post.created',
  jsonb_build_object('body', repeat('What people write. ', 20)), 'comm:post', now(), now(),
  now() + interval '1 day', n
from generate_series(1, %(kept)s) as n
"""
PARTITIONED: Final = """
drop schema api cascade;
set role communities_owner;
alter table public.outbox_failure drop constraint outbox_failure_event_id_fkey;
alter table public.outbox_event rename to outbox_single;
create table public.outbox_event (like public.outbox_single including defaults)
  partition by range (id);
alter sequence public.outbox_event_id_seq owned by public.outbox_event.id;
drop table public.outbox_single;
alter table public.outbox_event
  add primary key (id),
  -- Without the id there can be no such constraint: so it promises nothing of stream_seq.
  add unique (stream_seq, id);
create index on public.outbox_event (id) where processed_at is null;
create index on public.outbox_event (id) where stream is not null and stream_seq is null;
create index on public.outbox_event (stream_seq)
  where stream_seq is not null and published_at is null;
create index on public.outbox_event (created_at);
alter table public.outbox_failure
  add foreign key (event_id) references public.outbox_event on delete cascade;
"""
PARTITIONS: Final = """
select c.oid::regclass::text from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
where i.inhparent = 'public.outbox_event'::regclass order by c.relname
"""
HOLDS_SOMETHING: Final = """
select from {} where created_at >= now() - %s::interval or processed_at is null
  or (stream is not null and published_at is null)
limit 1
"""
STATE: Final = """
select sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)), sum(s.n_dead_tup)
from pg_class as c left join pg_stat_user_tables as s on s.relid = c.oid
where c.oid = 'public.outbox_event'::regclass
  or c.oid in (select inhrelid from pg_inherits where inhparent = 'public.outbox_event'::regclass)
"""


@dataclass
class Round:
    """What one round gave: sizes in bytes, times in milliseconds."""

    commits_per_s: float = 0
    events: int = 0
    removed: int = 0
    wal_per_event: float = 0
    streams_claim_ms: list[float] = field(default_factory=list)
    search_claim_ms: list[float] = field(default_factory=list)
    dead_rows: int = 0
    vacuum_ms: float = 0
    table_bytes: int = 0
    index_bytes: int = 0


Prune = Callable[[psycopg.Connection, float], int]


@dataclass(frozen=True)
class Side:
    """One way to keep events for so long and no longer."""

    name: str
    url: str
    prune: Prune
    rounds: list[Round] = field(default_factory=list)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each side.")] = 7,
    seconds: Annotated[int, typer.Option(min=1, help="Length of a round, and retention.")] = 10,
    kept: Annotated[int, typer.Option(min=1, help="Events that stay all the time.")] = KEPT,
    partition: Annotated[int, typer.Option(min=1, help="Ids of a partition.")] = PARTITION,
    json: Annotated[Path | None, typer.Option(help="Write the results there, too.")] = None,
) -> None:
    """Compare batched deletes with partitions that are dropped."""
    with signals.as_interrupt(), _sides(kept, partition) as sides:
        with display.bar("", 2 * (rounds + 1)) as advance:
            for number in range(rounds + 1):
                # By turns the other one first. The first round of all only warms up.
                for side in sides if number % 2 else reversed(sides):
                    made = _round(side, float(seconds))
                    if number:
                        side.rounds.append(made)
                    advance(1)
        console.Console().print(_table(sides, seconds, kept))
    if json is not None:
        results = {side.name: [asdict(made) for made in side.rounds] for side in sides}
        json.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))


@contextlib.contextmanager
def _sides(kept: int, partition: int) -> Iterator[list[Side]]:
    with (
        stack.borrowed(stand.settings(), ["postgres"]) as stores,
        _database(stores.database_url, "deletes") as deletes,
        _database(stores.database_url, "partitions") as partitions,
    ):
        with psycopg.connect(partitions) as connection:
            connection.execute(PARTITIONED)
        migrate.migrate(partitions, say=lambda _line: None)
        dropping = Partitions(partition)
        with psycopg.connect(partitions, autocommit=True) as connection:
            connection.execute(f"set role {OWNER}")
            dropping.make_ahead(connection, kept)
        sides = [Side("deletes", deletes, _delete), Side("partitions", partitions, dropping.prune)]
        for side in sides:
            _fill(side, kept)
        yield sides


@contextlib.contextmanager
def _database(url: str, name: str) -> Iterator[str]:
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with psycopg.connect(databases.named(url, "postgres"), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            migrate.migrate(databases.named(url, name), say=lambda _line: None)
            yield databases.named(url, name)
        finally:
            connection.execute(drop)


def _fill(side: Side, kept: int) -> None:
    with _connection(side) as connection:
        connection.execute(FILL, {"kept": kept})
        connection.execute("update stream_sequence set last_seq = %s", [kept])
        connection.execute("reset role")
        # Vacuum is done, and timed, at the end of each round.
        for (name,) in connection.execute(PARTITIONS).fetchall() or [("public.outbox_event",)]:
            connection.execute(_of("alter table {} set (autovacuum_enabled = off)", name))
        connection.execute("vacuum analyze public.outbox_event")
        connection.execute("checkpoint")


@contextlib.contextmanager
def _connection(side: Side) -> Iterator[psycopg.Connection]:
    with psycopg.connect(side.url, autocommit=True) as connection:
        connection.execute(f"set role {OWNER}")
        yield connection


def _of(statement: LiteralString, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(*name.split(".")))


# The two ways -------------------------------------------------------------------------------------


def _delete(connection: psycopg.Connection, seconds: float) -> int:
    removed = 0
    while done := _value(
        connection, "select api.prune_outbox(make_interval(secs => %s), %s)",
        [seconds, DELETED_AT_ONCE],
    ):  # fmt: skip
        removed += done
    return removed


@dataclass(frozen=True)
class Partitions:
    """Partitions of so many ids, each named after its end."""

    size: int

    def prune(self, connection: psycopg.Connection, seconds: float) -> int:
        self.make_ahead(connection, 0)
        last = _last_id(connection)
        removed = 0
        for name, end in self._all(connection):
            if end > last or _holds_something(connection, name, seconds):
                continue
            # One that is still referred to can't be detached: its failures go first.
            connection.execute(
                "delete from outbox_failure where event_id >= %s and event_id < %s",
                [end - self.size, end],
            )
            connection.execute(
                _of("alter table outbox_event detach partition {} concurrently", name)
            )
            removed += _value(connection, _of("select count(*) from {}", name))
            connection.execute(_of("drop table {}", name))
        return removed

    def make_ahead(self, connection: psycopg.Connection, more: int) -> None:
        """Partitions for what is written until the next look, and `more`."""
        end = max((end for _, end in self._all(connection)), default=0)
        while end < _last_id(connection) + more + max(4 * self.size, AHEAD):
            connection.execute(
                _of(
                    "create table {} partition of outbox_event for values from ",
                    f"public.outbox_event_{end + self.size:012}",
                )
                + sql.SQL("({}) to ({})").format(end, end + self.size)
                + sql.SQL(" with (autovacuum_enabled = off)")
            )
            end += self.size

    def _all(self, connection: psycopg.Connection) -> list[tuple[str, int]]:
        names = [name for (name,) in connection.execute(PARTITIONS).fetchall()]
        return [(name, int(name.rpartition("_")[2])) for name in names]


def _holds_something(connection: psycopg.Connection, name: str, seconds: float) -> bool:
    interval = f"{seconds} seconds"
    return connection.execute(_of(HOLDS_SOMETHING, name), [interval]).fetchone() is not None


def _last_id(connection: psycopg.Connection) -> int:
    return _value(connection, "select last_value from outbox_event_id_seq")


def _value(connection: psycopg.Connection, query: Any, values: Any = None) -> int:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


# A round ------------------------------------------------------------------------------------------


def _round(side: Side, seconds: float) -> Round:
    made = Round()
    stop = threading.Event()
    broken: list[BaseException] = []

    def work(task: Callable[[psycopg.Connection], float]) -> None:
        """Does a task again and again; it says for how long it has nothing to do."""
        try:
            with _connection(side) as connection:
                while not stop.is_set():
                    stop.wait(task(connection))
        except BaseException as error:
            broken.append(error)

    def prune(connection: psycopg.Connection) -> float:
        made.removed += side.prune(connection, seconds)
        return PRUNED_EVERY

    tasks = [
        prune,
        lambda connection: _relay(connection, made.streams_claim_ms),
        lambda connection: _index(connection, made.search_claim_ms),
    ]
    threads = [threading.Thread(target=work, args=[task]) for task in tasks]
    with _connection(side) as connection:
        first, wal = _last_id(connection), _wal(connection)
        for thread in threads:
            thread.start()
        try:
            made.commits_per_s = pgbench.run(
                side.url, WRITE, clients=WRITERS, seconds=seconds, role=OWNER
            )
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if broken:
            raise broken[0]
        made.events = _last_id(connection) - first
        made.wal_per_event = (_wal(connection) - wal) / made.events
        while not (_relay(connection, []) and _index(connection, [])):
            pass
        _clean(connection, made)
    return made


def _clean(connection: psycopg.Connection, made: Round) -> None:
    connection.execute("reset role")
    _, _, made.dead_rows = _state(connection)
    began = time.monotonic()
    connection.execute("vacuum public.outbox_event")
    made.vacuum_ms = (time.monotonic() - began) * 1000
    made.table_bytes, made.index_bytes, _ = _state(connection)
    connection.execute("analyze public.outbox_event")
    connection.execute("checkpoint")


def _state(connection: psycopg.Connection) -> tuple[int, int, int]:
    row = connection.execute(STATE).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


def _wal(connection: psycopg.Connection) -> int:
    return _value(connection, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")


def _relay(connection: psycopg.Connection, times: list[float]) -> float:
    connection.execute("select api.sequence_events()")
    claim = "select event_id from api.claim_stream_entries(1000)"
    return _consume(connection, claim, "select api.finish_stream_entries(%s)", times)


def _index(connection: psycopg.Connection, times: list[float]) -> float:
    claim = "select unnest(event_ids) from api.claim_search_tasks(500)"
    return _consume(connection, claim, "select api.finish_search_events(%s)", times)


def _consume(
    connection: psycopg.Connection, claim: LiteralString, finish: LiteralString, times: list[float]
) -> float:
    with connection.transaction():
        began = time.monotonic()
        ids = [row[0] for row in connection.execute(claim).fetchall()]
        if not ids:
            return 0.01
        times.append((time.monotonic() - began) * 1000)
        connection.execute(finish, [ids])
    return 0.0


# The results --------------------------------------------------------------------------------------


def _table(sides: list[Side], seconds: int, kept: int) -> table.Table:
    deletes, partitions = (side.rounds for side in sides)
    made = table.Table(
        title=f"{kept:,} events kept, {WRITERS} writers, medians of {len(deletes)} rounds of "
        f"{seconds} s",
        title_justify="left",
    )
    for heading in ("", *(side.name for side in sides), "ratio", "least", "most"):
        made.add_column(heading, justify="right" if heading else "left")
    for name, of in ROWS.items():
        pairs = [(of(a), of(b)) for a, b in zip(deletes, partitions, strict=True)]
        ratios = [b / a for a, b in pairs if a]
        columns = [statistics.median(values) for values in zip(*pairs, strict=True)]
        spread = (statistics.median(ratios), min(ratios), max(ratios)) if ratios else ()
        made.add_row(
            name, *(f"{value:,.1f}" for value in columns), *(f"{value:.2f}" for value in spread)
        )
    return made


def _percentile(times: list[float], number: int) -> float:
    return statistics.quantiles(times, n=100)[number - 1] if len(times) > 1 else 0.0


ROWS: Final[dict[str, Callable[[Round], float]]] = {
    "commits/s of writers": lambda made: made.commits_per_s,
    "claim for streams, p50 ms": lambda made: _percentile(made.streams_claim_ms, 50),
    "claim for streams, p99 ms": lambda made: _percentile(made.streams_claim_ms, 99),
    "claim for search, p50 ms": lambda made: _percentile(made.search_claim_ms, 50),
    "claim for search, p99 ms": lambda made: _percentile(made.search_claim_ms, 99),
    "events written": lambda made: made.events,
    "events removed": lambda made: made.removed,
    "WAL bytes an event": lambda made: made.wal_per_event,
    "dead rows at the end": lambda made: made.dead_rows,
    "vacuum, ms": lambda made: made.vacuum_ms,
    "table, MB": lambda made: made.table_bytes / 1e6,
    "indexes, MB": lambda made: made.index_bytes / 1e6,
}


if __name__ == "__main__":
    app()
