"""`communities user …`: export and erasure of all data about a user."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import orjson
import typer

from tools import output
from tools.failure import Failure

if TYPE_CHECKING:
    import minio
    import redis

PAGE: Final = 1000
MAX_ATTEMPTS: Final = 5

User = Annotated[UUID, typer.Argument(help="The user's id.", metavar="USER", show_default=False)]

app = typer.Typer(no_args_is_help=True, help="Export or erase all data about a user.")


@app.command()
def export(
    user: User,
    to: Annotated[
        Path | None,
        typer.Option("--output", help="Write to this private file.", dir_okay=False),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(help="Download the user's uploads into this folder.", file_okay=False),
    ] = None,
) -> None:
    """Prints all stored data about a user, one JSON object a line.

    Example: communities user export USER --output user.jsonl --files user-files
    """
    from common import settings as configuration
    from gen.jobs import users
    from tools.instance import probes, sessions

    settings = configuration.load(configuration.Settings)
    needed = ("postgres", "s3") if files else ("postgres",)
    with sessions.opened(sessions.JOB, needed) as (connection, running):
        data = [*users.Querier(connection).user_export(user_id=user)]
        with _lines_to(to) as write:
            for each in data:
                write(orjson.dumps({"kind": each.kind, "data": each.data}).decode())
        kinds = output.counted(len({each.kind for each in data}), "kind")
        output.note(f"{output.counted(len(data), 'row')} of {kinds}")
        if files is not None:
            client = probes.s3_client(running.urls, region=settings.s3_region)
            keys = {key for each in data for key in _keys(each.kind, each.data)}
            _download(client, settings.s3_bucket, sorted(keys), files)


@app.command()
def erase(
    user: User,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    json: output.Json = False,
) -> None:
    """Erases a user permanently: memberships, content, reactions, uploads, logs and streams.

    Example: communities user erase USER
    """
    import redis

    from tools.instance import sessions

    if not yes and not output.confirm(f"Erase all data about {user}? This cannot be undone."):
        raise Failure("Cancelled. No data was erased.")
    with (
        sessions.opened(sessions.JOB, ("postgres", "redis")) as (connection, running),
        redis.Redis.from_url(running.urls["REDIS_URL"]) as client,
    ):
        erased = _erase_rows(connection, user)
        try:
            erased |= _erase_copies(client, str(user))
        except (redis.RedisError, OSError) as error:
            raise Failure(
                f"Erased in the database, but not in Redis: {error}. Run this again."
            ) from None
        with output.rows(json, ("kind", "count"), none="nothing") as add:
            for kind, count in erased.items():
                add({"kind": kind, "count": count})


def _erase_rows(connection: Any, user: UUID) -> dict[str, int]:
    """Erases a user in the database. Returns the number of rows of each kind."""
    import tenacity
    from psycopg import errors

    from gen.jobs import users
    from tools import progress

    # Concurrent writes to the same rows can deadlock with the erasure.
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(errors.DeadlockDetected),
        stop=tenacity.stop_after_attempt(MAX_ATTEMPTS),
        wait=tenacity.wait_random(0.1, 1),
        reraise=True,
    )
    with progress.busy("erasing"):
        found = attempts(lambda: [*users.Querier(connection).user_erase(user_id=user)])
    return {each.kind: each.count for each in found}


def _erase_copies(client: "redis.Redis", user: str) -> dict[str, int]:
    """Deletes the stream entries that name a user, and the stored answers to the user's requests.

    A client that resumes across a deleted entry receives resync_required.
    """
    from common import streams
    from tools import progress

    events = answers = 0
    with progress.bar("streams", sum(client.xlen(name) for name in streams.STREAMS)) as advance:
        for name in streams.STREAMS:
            for entries in _pages(client, name):
                named = [key for key, entry in entries if user.encode() in entry[b"payload"]]
                if named:
                    events += client.xdel(name, *named)
                advance(len(entries))
    for key in client.scan_iter(match=f"idem:{user}:*", count=PAGE):
        answers += client.delete(key)
    return {"stream_entry": events, "copied_answer": answers}


def _pages(client: "redis.Redis", stream: str) -> Iterator[list[tuple[bytes, dict[bytes, bytes]]]]:
    start = "-"
    while True:
        page: Any = client.xrange(stream, min=start, count=PAGE)
        if not page:
            return
        yield page
        start = f"({page[-1][0].decode()}"


@contextlib.contextmanager
def _lines_to(path: Path | None) -> Iterator[Any]:
    """Yields a writer of lines to the result, or to a file that appears when it is complete."""
    if path is None:
        yield output.line
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            yield lambda words: file.write(f"{words}\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _keys(kind: str, data: Any) -> Iterator[str]:
    """Yields the key of an upload. A linked one is in the bucket as an attachment only."""
    if kind == "attachment" or (kind == "upload" and data["linked_at"] is None):
        yield data["key"]


def _download(client: "minio.Minio", bucket: str, keys: list[str], folder: Path) -> None:
    from minio import error

    from tools import progress

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    root, absent = folder.resolve(), 0
    with progress.bar("files", len(keys)) as advance:
        for key in keys:
            path = (root / key).resolve()
            if not path.is_relative_to(root):
                raise Failure(f"The key {key} is outside of {folder}.")
            try:
                client.fget_object(bucket, key, str(path))
            except error.S3Error as refusal:
                if refusal.code not in ("NoSuchKey", "NoSuchObject"):
                    raise Failure(f"{key}: {refusal.code}: {refusal.message}") from None
                # It was presigned and never uploaded, or it has expired.
                absent += 1
                output.note(f"not in the bucket: {key}")
            advance(1)
    output.note(f"{output.counted(len(keys) - absent, 'file')} in {folder}")
