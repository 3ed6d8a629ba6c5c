"""`communities run|migrate|bucket|rollback|seed|token|psql`: the instance and its database."""

import contextlib
import dataclasses
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import typer

from tools import output

DAY: Final = 24 * 3600  # seconds
MOST_POSTS: Final = 1_000_000_000


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

    with _database() as url, progress.busy("migrate"):
        done = migrations.migrate(url, say=output.speaker(json))
    if json:
        output.result(True, dataclasses.asdict(done), "")


def bucket(json: output.Json = False) -> None:
    """Creates the bucket of the S3 server, unless it exists.

    Example: S3_ENDPOINT_URL=https://… communities bucket
    """
    from common import settings as configuration
    from tools.instance import stack

    settings = configuration.load(configuration.Settings)
    with stack.borrowed(settings, ["s3"]):
        output.result(json, {"bucket": settings.s3_bucket}, f"{settings.s3_bucket} can be used")


def rollback(json: output.Json = False) -> None:
    """Rolls back the last migration of the tables, with its data.

    Example: communities rollback && communities migrate
    """
    from tools.instance import migrate as migrations

    with _database() as url:
        undone = migrations.rollback(url, say=output.speaker(json))
    if json:
        output.result(True, {"taken_back": undone}, "")


def seed(
    scale: Annotated[
        int | None,
        typer.Option(
            parser=output.whole(1, MOST_POSTS),
            metavar="POSTS",
            help="Make that many posts as well. They leave no events: reindex after it.",
        ),
    ] = None,
    json: output.Json = False,
) -> None:
    """Adds the example data, unless it exists.

    Example: communities seed --scale 100000
    """
    from common import settings as configuration
    from tools import seed as seeding
    from tools.instance import migrate as migrations
    from tools.instance import stack

    settings, say = configuration.load(configuration.Settings), output.speaker(json)
    with stack.borrowed(settings, ["postgres", "s3"]) as running:
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
            parser=output.whole(1, 3650 * DAY),
            metavar="SECONDS",
            help="Until it expires, ten years at most.",
        ),
    ] = 30 * DAY,
    json: output.Json = False,
) -> None:
    """Prints a token of the running instance for a user.

    Example: communities token 5eed0000-0000-7000-8000-000000000001 --ttl 3600
    """
    from common import settings as configuration
    from tools.instance import tokens

    lasts = timedelta(seconds=ttl)
    made = tokens.mint(configuration.load(configuration.Settings), str(user), lasts)
    expires = datetime.now(UTC).replace(microsecond=0) + lasts
    output.result(json, {"user_id": user, "token": made, "expires_at": expires}, made)


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

    with _database() as url:
        environment = {**os.environ, **parts.libpq(url)}
        with subprocess.Popen([parts.psql(), *(arguments or [])], env=environment) as client:
            while client.returncode is None:
                # psql handles Ctrl-C itself: it cancels the query and stays open.
                with contextlib.suppress(KeyboardInterrupt):
                    client.wait()
    killed = client.returncode < 0
    raise SystemExit(128 - client.returncode if killed else client.returncode)


@contextmanager
def _database() -> Iterator[str]:
    """Yields the URL of the instance's database, which is started unless it runs."""
    from common import settings as configuration
    from tools.instance import stack

    with stack.borrowed(configuration.load(configuration.Settings), ["postgres"]) as running:
        yield running.database_url
