"""What an operator does: `python -m tools search …` and `python -m tools outbox …`."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

import orjson
import psycopg
import typer
from rich import progress

from gen import outbox as measuring
from gen import search as statements
from service import database
from service import settings as configuration
from tools import stack
from tools.failure import Failure
from workers import connections, loop
from workers.search import index, rebuild, verify

search = typer.Typer(no_args_is_help=True, help="The index that search asks.")
outbox = typer.Typer(
    no_args_is_help=True, help="The events that wait, and those that were given up."
)

PAGE: Final = 1000

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Consumer = Annotated[str, typer.Option(help="search or streams")]
Events = Annotated[list[int] | None, typer.Argument(help="Ids of dead events.")]
Every = Annotated[bool, typer.Option("--all", help="All dead events.")]


@search.command()
def reindex() -> None:
    """Build a new index from the tables and swap it in; nothing is missed meanwhile."""
    asyncio.run(_reindex())


@search.command(name="verify")
def compare(json: Json = False) -> None:
    """Name every difference between the tables and the index; exit 1 if there is one."""
    raise SystemExit(1 if asyncio.run(_verify(json)) else 0)


@outbox.command()
def status(json: Json = False) -> None:
    """Say how far each consumer is behind."""
    with _connection() as connection:
        lags = sorted(measuring.Querier(connection).outbox_measure(), key=lambda lag: lag.consumer)
    _table(("consumer", "waiting", "dead", "lag_seconds"), [lag.model_dump() for lag in lags], json)


@outbox.command()
def dead(consumer: Consumer = "search", json: Json = False) -> None:
    """List the events that a consumer has given up, with the last error."""
    fields = ("id", "type", "subject_type", "subject_id", "attempts", "dead_at", "error")
    after = 0
    with _connection() as connection:
        querier = statements.Querier(connection)
        while page := [*querier.dead_event_list(consumer=consumer, after=after, most=PAGE)]:
            _table(fields, [event.model_dump() for event in page], json, headed=after == 0)
            after = page[-1].id


@outbox.command()
def replay(events: Events = None, every: Every = False, consumer: Consumer = "search") -> None:
    """Give dead events to their consumer again."""
    chosen = _chosen(events, every)
    with _connection() as connection:
        count = statements.Querier(connection).dead_event_replay(
            consumer=consumer, event_ids=chosen
        )
    print(f"{count} given again")


@outbox.command()
def discard(events: Events = None, every: Every = False, consumer: Consumer = "search") -> None:
    """Take dead events as done."""
    chosen = _chosen(events, every)
    with _connection() as connection:
        count = statements.Querier(connection).dead_event_discard(
            consumer=consumer, event_ids=chosen
        )
    print(f"{count} discarded")


def _chosen(events: list[int] | None, every: bool) -> list[int] | None:
    """The events that are meant; None: all."""
    if bool(events) == every:
        raise Failure("name the events by their ids, or all by --all")
    return events or None


async def _reindex() -> None:
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.TextColumn("{task.completed} documents"),
        progress.TimeElapsedColumn(),
    )
    async with _opened() as (connection, target):
        current = await rebuild.Rebuild.begin(target)
        with bar:
            task = bar.add_task(current.name)
            over = False
            while not over:
                over = await current.step(connection)
                bar.update(task, completed=current.written)
    print(f"{target.alias} is {current.name} now, with {current.written} documents")
    for key, error in current.refused.items():
        print(f"refused: {key}: {error}")
    if current.refused:
        raise Failure(f"{len(current.refused)} documents were refused")


async def _verify(json: bool) -> int:
    count = 0
    async with _opened() as (connection, target):
        async for difference in verify.differences(connection, target):
            count += 1
            words = dataclasses.asdict(difference)
            print(orjson.dumps(words).decode() if json else _line(words.values()))
    if not json:
        print("no difference" if count == 0 else f"{count} differences")
    return count


@contextlib.asynccontextmanager
async def _opened() -> AsyncIterator[tuple[database.Connection, index.Index]]:
    """A connection with a worker's rights, and the index."""
    settings = configuration.load(configuration.Settings)
    with stack.borrowed(settings, ["postgres", "opensearch"]) as running:
        try:
            connection = await psycopg.AsyncConnection[Any].connect(
                running.database_url, autocommit=True, **database.OPTIONS
            )
            async with connection:
                await database.prepare(
                    connection, role=connections.ROLE, patience=connections.PATIENCE
                )
                target = index.connect(running.urls["OPENSEARCH_URL"], settings.search_index)
                yield connection, target
        except loop.Outage as outage:
            cause = outage.__cause__ or outage
            raise Failure(f"{outage.store} is away or has no index: {cause}") from None


@contextlib.contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    """A connection with a worker's rights."""
    settings = configuration.load(configuration.Settings)
    with (
        stack.borrowed(settings, ["postgres"]) as running,
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        connection.execute(f"set role {connections.ROLE}")
        try:
            yield connection
        except psycopg.Error as error:
            raise Failure(error.diag.message_primary or str(error)) from None


def _table(
    fields: Sequence[str], rows: Iterable[dict[str, Any]], json: bool, *, headed: bool = True
) -> None:
    if headed and not json:
        print(_line(fields))
    for row in rows:
        words = {field: row[field] for field in fields}
        print(orjson.dumps(words).decode() if json else _line(words.values()))


def _line(values: Iterable[object]) -> str:
    return "  ".join("-" if value is None else str(value) for value in values)
