"""`communities moderation …`: much content removed at once, and brought back."""

import base64
import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tools import output
from tools.failure import Failure

if TYPE_CHECKING:
    from gen.jobs import models

FIELDS: Final = (
    "id", "created_at", "actor_id", "reason", "posts_count", "comments_count", "restored_count",
    "undone_by", "undone_at",
)  # fmt: skip
ITEM: Final = ("subject_type", "id", "author_id", "created_at", "restored_at")
PAGE: Final = 100
TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

Actor = Annotated[
    UUID, typer.Option(help="Whose rights it takes: a moderator's id.", show_default=False)
]
Group = Annotated[UUID, typer.Option(help="The group's id.", show_default=False)]
Batch = Annotated[UUID, typer.Argument(help="The batch's id.", metavar="BATCH", show_default=False)]

app = typer.Typer(
    no_args_is_help=True, help="Remove many posts and comments at once, and undo that."
)


@app.command()
def remove(
    actor: Actor,
    group: Group,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.", show_default=False)],
    author: Annotated[UUID | None, typer.Option(help="Only what this user wrote.")] = None,
    ids: Annotated[
        list[UUID] | None, typer.Option("--id", help="A post or comment; may be said again.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=TIMES,
            metavar="TIME",
            help="Only what was written then or later: 2026-11-24 or 2026-11-24T18:30 (UTC).",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=TIMES, metavar="TIME", help="Only what was written before (UTC)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much would go, and change nothing.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Name each post and comment as well.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Deletes the posts and comments of an author, or with these ids, in one batch.

    Example: communities moderation remove --actor MODERATOR --group GROUP --author SPAMMER
    --reason spam --since 2026-11-24 --dry-run
    """
    from gen.jobs import moderation
    from tools.instance import sessions

    with (
        sessions.opened(sessions.JOB) as (connection, _),
        _known("group", group),
        connection.transaction(force_rollback=dry_run),
    ):
        batch = moderation.Querier(connection).content_remove(
            actor=actor,
            group_id=group,
            reason=reason,
            author_id=author,
            ids=ids or None,
            since=_aware(since),
            until=_aware(until),
        )
        assert batch is not None
        # Told once it is done.
        items = [*_items(connection, actor, batch.id)] if listed else None
    if items is not None:
        _show(items, json)
    posts = output.counted(batch.posts_count, "post")
    gone = f"{posts} and {output.counted(batch.comments_count, 'comment')}"
    if dry_run:
        output.result(json, {**_row(batch), "id": None, "dry_run": True}, f"{gone} would go")
    else:
        output.result(
            json,
            {**_row(batch), "dry_run": False},
            f"{gone} removed; to undo it: communities moderation undo {batch.id} --actor {actor}",
        )


@app.command(name="list")
def list_batches(actor: Actor, group: Group, json: output.Json = False) -> None:
    """Lists the batches of a group, newest first.

    Example: communities moderation list --actor MODERATOR --group GROUP
    """
    from gen.jobs import moderation
    from tools.instance import sessions

    with (
        sessions.opened(sessions.JOB) as (connection, _),
        _known("group", group),
        output.rows(json, FIELDS, none="no batch") as add,
    ):
        querier = moderation.Querier(connection)
        for batch in _paged(
            lambda before: querier.moderation_batch_list(
                actor=actor, group_id=group, limit=PAGE, before=before, after=None
            )
        ):
            add(_row(batch))


@app.command()
def show(batch: Batch, actor: Actor, json: output.Json = False) -> None:
    """Lists the posts and comments that a batch has removed, newest first.

    Example: communities moderation show BATCH --actor MODERATOR
    """
    from tools.instance import sessions

    with sessions.opened(sessions.JOB) as (connection, _), _known("batch", batch):
        _show(_items(connection, actor, batch), json)


@app.command()
def undo(
    batch: Batch,
    actor: Actor,
    json: output.Json = False,
) -> None:
    """Restores the posts and comments that a batch has removed.

    Example: communities moderation undo BATCH --actor MODERATOR
    """
    from gen.jobs import moderation
    from tools.instance import sessions

    with sessions.opened(sessions.JOB) as (connection, _), _known("batch", batch):
        undone = moderation.Querier(connection).removal_undo(actor=actor, batch_id=batch)
    assert undone is not None
    all_of_it = undone.posts_count + undone.comments_count
    output.result(json, _row(undone), f"{undone.restored_count} of {all_of_it} restored")


@contextlib.contextmanager
def _known(kind: str, wanted: UUID) -> Iterator[None]:
    """Names the row that does not exist."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        if error.diag.message_hint != "not_found":
            raise
        raise Failure(f"there is no {kind} {wanted} that the actor knows of (not_found)") from None


def _items(connection: Any, actor: UUID, batch: UUID) -> Iterator[Any]:
    """Returns the posts and comments that a batch has removed."""
    from gen.jobs import moderation

    querier = moderation.Querier(connection)
    return _paged(
        lambda before: querier.moderation_item_list(
            actor=actor, batch_id=batch, limit=PAGE, before=before, after=None
        )
    )


def _show(items: Iterable[Any], json: bool) -> None:
    with output.rows(json, ITEM, none="nothing") as add:
        for item in items:
            add(item.model_dump())


def _paged(read: Callable[[str | None], Iterable[Any]]) -> Iterator[Any]:
    """Yields the rows of a list, read page by page."""
    before: str | None = None
    while True:
        page = [*read(before)]
        yield from page
        if len(page) < PAGE:
            return
        before = _cursor(page[-1])


def _row(batch: "models.ApiModerationBatch") -> output.Row:
    return {field: getattr(batch, field) for field in FIELDS}


def _aware(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _cursor(row: Any) -> str:
    """Returns the cursor of a row."""
    at = row.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return base64.urlsafe_b64encode(f"{at}|{row.id}".encode()).rstrip(b"=").decode()
