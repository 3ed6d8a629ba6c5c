"""`communities counters …`: whether what is counted agrees with what there is."""

from typing import Final

import typer

from tools import output

FIELDS: Final = ("counter", "subject", "stored", "actual")

app = typer.Typer(no_args_is_help=True, help="Prove the counters, and mend them.")


@app.command()
def verify(json: output.Json = False) -> None:
    """Lists the counters that differ from their rows; exit 1 if there is one.

    Example: communities counters verify --json
    """
    from gen.jobs import counters
    from tools import progress
    from tools.instance import sessions

    count = 0
    with sessions.opened(sessions.JOB) as (connection, _):
        with progress.busy("counting"):
            drifts = counters.Querier(connection).counter_verify()
            drift = next(drifts, None)
        with output.rows(json, FIELDS, none="every counter is right") as add:
            while drift is not None:
                count += 1
                add(drift.model_dump())
                drift = next(drifts, None)
    if count:
        wrong = output.counted(count, "counter is", "counters are")
        output.note(f"{wrong} wrong: `communities counters repair` mends what is")
    raise SystemExit(1 if count else 0)


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
