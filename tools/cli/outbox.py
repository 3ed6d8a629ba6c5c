"""`communities outbox …`: events that wait for their consumers, and dead ones."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import typer

from tools import output
from tools.failure import Failure

PAGE: Final = 1000
MAX_ID: Final = 2**63 - 1  # of bigint

Consumer = Annotated[
    Literal["search", "streams"], typer.Option(help="Consumer of the events.", show_choices=True)
]
Events = Annotated[
    list[int] | None,
    typer.Argument(
        parser=output.whole(1, MAX_ID),
        help="Ids of dead events.",
        metavar="[ID]…",
        show_default=False,
    ),
]
All = Annotated[bool, typer.Option("--all", help="All dead events.")]

app = typer.Typer(no_args_is_help=True, help="Show waiting events; replay or discard dead ones.")


@app.command()
def status(json: output.Json = False) -> None:
    """Prints the waiting and dead events of each consumer, and the age of the oldest.

    Example: communities outbox status --json
    """
    from gen.jobs import outbox
    from tools.instance import sessions

    fields = ("consumer", "waiting", "dead", "lag_seconds")
    with sessions.opened(sessions.WORKER) as (connection, _):
        lags = sorted(outbox.Querier(connection).outbox_measure(), key=lambda lag: lag.consumer)
        with output.rows(json, fields, none="no consumer") as add:
            for lag in lags:
                add(lag.model_dump())


@app.command()
def dead(consumer: Consumer = "search", json: output.Json = False) -> None:
    """Lists the dead events of a consumer, with their last error.

    Example: communities outbox dead --consumer search
    """
    from tools.instance import sessions

    fields = ("id", "type", "subject_type", "subject_id", "attempts", "dead_at", "error")
    after = 0
    with (
        sessions.opened(sessions.WORKER) as (connection, _),
        output.rows(json, fields, none="no dead event") as add,
    ):
        querier = _querier(connection)
        while page := [*querier.dead_event_list(consumer=consumer, after=after, most=PAGE)]:
            for event in page:
                add(event.model_dump())
            after = page[-1].id


@app.command()
def replay(
    events: Events = None,
    every: All = False,
    consumer: Consumer = "search",
    json: output.Json = False,
) -> None:
    """Replays dead events to their consumer.

    Example: communities outbox replay 4711 4712
    """
    from gen.jobs import search

    settle = search.Querier.dead_event_replay
    _settle(settle, "replayed", consumer, _chosen(events, every), json)


@app.command()
def discard(
    events: Events = None,
    every: All = False,
    consumer: Consumer = "search",
    json: output.Json = False,
) -> None:
    """Marks dead events as processed.

    Example: communities outbox discard --all
    """
    from gen.jobs import search

    settle = search.Querier.dead_event_discard
    _settle(settle, "discarded", consumer, _chosen(events, every), json)


def _settle(
    settle: Callable[..., int | None],
    settled: str,
    consumer: str,
    chosen: list[int] | None,
    json: bool,
) -> None:
    """Replays or discards the chosen events. Raises Failure that names those that are not dead."""
    from tools.instance import sessions

    with sessions.opened(sessions.WORKER) as (connection, _), connection.transaction():
        querier = _querier(connection)
        living = [
            event
            for event in chosen or []
            if not any(
                each.id == event
                for each in querier.dead_event_list(consumer=consumer, after=event - 1, most=1)
            )
        ]
        count = settle(querier, consumer=consumer, event_ids=chosen) or 0
    output.result(json, {settled: count}, f"{output.counted(count, 'event')} {settled}")
    if living:
        raise Failure(f"Not dead for {consumer}: {', '.join(map(str, living))}.")


def _querier(connection: Any) -> Any:
    from gen.jobs import search

    return search.Querier(connection)


def _chosen(events: list[int] | None, every: bool) -> list[int] | None:
    """Returns the chosen events, or None for all."""
    if bool(events) == every:
        raise typer.BadParameter("Give the ids of events, or --all.")
    return events or None
