"""`communities run|migrate|bucket|rollback|seed|token|psql`: the instance and its stores."""

import contextlib
import dataclasses
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from tools import output

if TYPE_CHECKING:
    from common import settings as configuration
    from tools.instance import stack

DAY_SECONDS: Final = 24 * 3600
MAX_POSTS: Final = 1_000_000_000


def run(json: output.Json = False) -> None:
    """Starts everything, and serves until Ctrl-C or TERM.

    Example: PORT=8080 communities run
    """
    from common import settings as configuration
    from tools.instance import serve

    serve.run(configuration.load(configuration.Settings), json=json)


def migrate(json: output.Json = False) -> None:
    """Brings the database up to date: first its tables, then the functions.

    Example: DATABASE_URL=postgresql://… communities migrate
    """
    from tools import progress
    from tools.instance import migrate as migrations

    with _borrowed("postgres") as (running, _), progress.busy("migrate"):
        done = migrations.migrate(running.database_url, say=output.speaker(json))
    if json:
        output.result(True, dataclasses.asdict(done), "")


def bucket(json: output.Json = False) -> None:
    """Creates the bucket of the S3 server, unless it exists.

    Example: S3_ENDPOINT_URL=https://… communities bucket
    """
    with _borrowed("s3") as (_, settings):
        name = settings.s3_bucket
        output.result(json, {"bucket": name}, f"the bucket {name} exists")


def rollback(json: output.Json = False) -> None:
    """Rolls back the last migration of the tables, with its data.

    Example: communities rollback && communities migrate
    """
    from tools.instance import migrate as migrations

    with _borrowed("postgres") as (running, _):
        undone = migrations.rollback(running.database_url, say=output.speaker(json))
    if json:
        output.result(True, {"rolled_back": undone}, "")


def seed(
    scale: Annotated[
        int | None,
        typer.Option(
            parser=output.whole(1, MAX_POSTS),
            metavar="POSTS",
            help="Generate posts up to this number, too. They have no events: reindex afterwards.",
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Adds the example data, unless it exists.

    Example: communities seed --scale 100000
    """
    from tools import seed as seeding
    from tools.instance import migrate as migrations

    say = output.speaker(json)
    with _borrowed("postgres", "s3") as (running, settings):
        migrations.migrate(running.database_url, say=say)
        put = seeding.bucket(settings, running.urls)
        made = seeding.seed(running.database_url, scale, put=put, say=say)
    if json:
        output.result(True, dataclasses.asdict(made), "")


def token(
    user: Annotated[
        UUID, typer.Argument(help="The user's id.", metavar="USER", show_default=False)
    ],
    ttl: Annotated[
        int,
        typer.Option(
            parser=output.whole(1, 3650 * DAY_SECONDS),
            metavar="SECONDS",
            help="Lifetime of the token, at most ten years.",
        ),
    ] = 30 * DAY_SECONDS,
    json: output.Json = False,
) -> None:
    """Prints a token of the running instance for a user.

    Example: communities token 5eed0000-0000-7000-8000-000000000001 --ttl 3600
    """
    from common import settings as configuration
    from tools.instance import tokens

    lifetime = timedelta(seconds=ttl)
    minted = tokens.mint(configuration.load(configuration.Settings), str(user), lifetime)
    expires_at = datetime.now(UTC).replace(microsecond=0) + lifetime
    output.result(json, {"user_id": user, "token": minted, "expires_at": expires_at}, minted)


def psql(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Arguments of psql, after --.", metavar="[ARGUMENT]…", show_default=False
        ),
    ] = None,
) -> None:
    """Opens psql on the instance's database; the exit code is psql's.

    Example: communities psql -- -c 'select * from api.verify_counters()'
    """
    from tools.instance import parts

    with _borrowed("postgres") as (running, _):
        environment = {**os.environ, **parts.libpq(running.database_url)}
        with subprocess.Popen([parts.psql(), *(arguments or [])], env=environment) as client:
            while client.returncode is None:
                # psql handles Ctrl-C itself: it cancels the query and stays open.
                with contextlib.suppress(KeyboardInterrupt):
                    client.wait()
    code = client.returncode
    raise SystemExit(128 - code if code < 0 else code)


@contextlib.contextmanager
def _borrowed(*needed: str) -> "Iterator[tuple[stack.Stack, configuration.Settings]]":
    """Yields the stack, with these stores running, and the settings."""
    from common import settings as configuration
    from tools.instance import stack

    settings = configuration.load(configuration.Settings)
    with stack.borrowed(settings, needed) as running:
        yield running, settings
