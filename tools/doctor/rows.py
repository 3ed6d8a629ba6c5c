"""Rows of the database: outbox, orphaned objects and counters."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gen.jobs import counters, media, outbox
from tools.doctor import postgres
from tools.doctor.findings import Context, Finding, failure, graded, skipped
from tools.instance import sessions

MAX_LAG_SECONDS: Final = 60.0
MAX_OVERDUE_SECONDS: Final = 600.0  # the sweeper runs once a minute
_SKIPPED: Final = "Not checked: the database does not answer this login."


def check_outbox(context: Context) -> Iterator[Finding]:
    """Yields the lag and the dead events of each consumer."""
    with postgres.as_role(context, sessions.WORKER) as connection:
        if connection is None:
            yield skipped("outbox", _SKIPPED)
            return
        lags = outbox.Querier(connection).outbox_measure()
        for lag in sorted(lags, key=lambda lag: lag.consumer or ""):
            name, late = f"outbox.{lag.consumer}", lag.lag_seconds or 0.0
            found = f"{lag.waiting} events wait, the oldest for {late:.0f} s. {lag.dead} are dead."
            if lag.dead:
                listing = f"`communities outbox dead --consumer {lag.consumer}`"
                todo = f"{listing} shows their errors. Replay or discard them."
                yield failure(name, found, todo)
            else:
                todo = "Check that the workers run, and read their logs."
                yield graded(name, found, todo, warns=late > MAX_LAG_SECONDS)


def check_sweeper(context: Context) -> Iterator[Finding]:
    """Yields whether the sweeper is late. It keeps no connection by which it could be found."""
    with postgres.as_role(context, sessions.WORKER) as connection:
        if connection is None:
            yield skipped("sweeper", _SKIPPED)
            return
        first = next(media.Querier(connection).orphaned_object_find(most=1), None)
        late = (datetime.now(UTC) - first.due_at).total_seconds() if first else 0.0
        is_late = late > MAX_OVERDUE_SECONDS
        found = f"An object was due for deletion {late / 60:.0f} minutes ago."
        todo = "Check that a sweeper runs (`python -m workers.sweeper`), and read its log."
        yield graded("sweeper", found if is_late else "No object is overdue.", todo, warns=is_late)


def check_counters(context: Context) -> Iterator[Finding]:
    """Yields whether each counter is right. Counting takes a while, so it needs `--deep`."""
    if not context.deep:
        return
    with postgres.as_role(context, sessions.JOB) as connection:
        if connection is None:
            yield skipped("counters", _SKIPPED)
            return
        wrong = len([*counters.Querier(connection).counter_verify()])
        todo = "List them by `communities counters verify`. Then run `communities counters repair`."
        yield graded("counters", f"Wrong counters: {wrong}.", todo, fails=wrong > 0)
