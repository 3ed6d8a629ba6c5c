"""`communities outbox …`: the events that wait, and those that were given up."""

from typing import Annotated, Any, Final, Literal

import typer

from tools import output
from tools.failure import Failure

PAGE: Final = 1000
LARGEST: Final = 2**63 - 1  # of bigint

Consumer = Annotated[
    Literal["search", "streams"], typer.Option(help="Whose events.", show_choices=True)
]
Events = Annotated[
    list[int] | None,
    typer.Argument(
        parser=output.whole(1, LARGEST),
        help="Ids of dead events.",
        metavar="[ID]…",
        show_default=False,
    ),
]
Every = Annotated[bool, typer.Option("--all", help="All dead events.")]

app = typer.Typer(no_args_is_help=True, help="See and mend the events on their way.")


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
    every: Every = False,
    consumer: Consumer = "search",
    json: output.Json = False,
) -> None:
    """Replays dead events to their consumer.

    Example: communities outbox replay 4711 4712
    """
    from tools.instance import sessions

    chosen = _chosen(events, every)
    with sessions.opened(sessions.WORKER) as (connection, _), connection.transaction():
        living = _living(connection, consumer, chosen)
        count = _querier(connection).dead_event_replay(consumer=consumer, event_ids=chosen)
    output.result(json, {"replayed": count}, f"{count} given again")
    _tell(living, consumer)


@app.command()
def discard(
    events: Events = None,
    every: Every = False,
    consumer: Consumer = "search",
    json: output.Json = False,
) -> None:
    """Marks dead events as processed.

    Example: communities outbox discard --all
    """
    from tools.instance import sessions

    chosen = _chosen(events, every)
    with sessions.opened(sessions.WORKER) as (connection, _), connection.transaction():
        living = _living(connection, consumer, chosen)
        count = _querier(connection).dead_event_discard(consumer=consumer, event_ids=chosen)
    output.result(json, {"discarded": count}, f"{count} discarded")
    _tell(living, consumer)


def _querier(connection: Any) -> Any:
    from gen.jobs import search

    return search.Querier(connection)


def _chosen(events: list[int] | None, every: bool) -> list[int] | None:
    """Returns the chosen events, or None for all."""
    if bool(events) == every:
        raise typer.BadParameter("name the events by their ids, or all by --all")
    return events or None


def _living(connection: Any, consumer: str, chosen: list[int] | None) -> list[int]:
    """Returns those of the chosen events that the consumer has not given up."""

    def is_dead(event: int) -> bool:
        found = _querier(connection).dead_event_list(consumer=consumer, after=event - 1, most=1)
        return any(each.id == event for each in found)

    return [event for event in chosen or [] if not is_dead(event)]


def _tell(living: list[int], consumer: str) -> None:
    if living:
        raise Failure(f"not dead for {consumer}: {', '.join(map(str, living))}")
