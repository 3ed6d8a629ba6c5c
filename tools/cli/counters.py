"""`communities counters …`: differences between stored counters and their rows."""

from typing import Final

import typer

from tools import output

FIELDS: Final = ("counter", "subject", "stored", "actual")

app = typer.Typer(no_args_is_help=True, help="Verify and repair the counters.")


@app.command()
def verify(json: output.Json = False) -> None:
    """Lists the counters that differ from their rows; exit 1 if there is one.

    Example: communities counters verify --json
    """
    from gen.jobs import counters
    from tools import progress
    from tools.instance import sessions

    with sessions.opened(sessions.JOB) as (connection, _):
        with progress.busy("counting"):
            wrong = [*counters.Querier(connection).counter_verify()]
        with output.rows(json, FIELDS, none="every counter is right") as add:
            for each in wrong:
                add(each.model_dump())
    if wrong:
        found = output.counted(len(wrong), "counter is", "counters are")
        output.note(f"{found} wrong. `communities counters repair` repairs them.")
    raise SystemExit(1 if wrong else 0)


@app.command()
def repair(json: output.Json = False) -> None:
    """Repairs the wrong counters, also under load.

    Example: communities counters repair
    """
    from gen.jobs import counters
    from tools import progress
    from tools.instance import sessions

    with sessions.opened(sessions.JOB) as (connection, _), progress.busy("counting"):
        count = counters.Querier(connection).counter_repair() or 0
    output.result(json, {"repaired": count}, f"{output.counted(count, 'counter')} repaired")
