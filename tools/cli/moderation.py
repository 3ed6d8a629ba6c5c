"""`communities moderation …`: bulk removal of content, and its undo."""

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
    import psycopg

    from gen.jobs import models, moderation

BATCH: Final = (
    *("id", "created_at", "actor_id", "reason", "posts_count", "comments_count"),
    *("restored_count", "undone_by", "undone_at"),
)
ITEM: Final = ("subject_type", "id", "author_id", "created_at", "restored_at")
PAGE: Final = 100
TIMES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

Actor = Annotated[UUID, typer.Option(help="Id of a moderator, who acts.", show_default=False)]
Group = Annotated[UUID, typer.Option(help="The group's id.", show_default=False)]
Batch = Annotated[UUID, typer.Argument(help="The batch's id.", metavar="BATCH", show_default=False)]


def _time(help_: str) -> Any:
    return typer.Option(formats=TIMES, metavar="TIME", help=help_)


app = typer.Typer(
    no_args_is_help=True, help="Remove many posts and comments at once, and undo that."
)


@app.command()
def remove(
    actor: Actor,
    group: Group,
    reason: Annotated[str, typer.Option(help="Reason, for the audit log.", show_default=False)],
    author: Annotated[UUID | None, typer.Option(help="Only content of this user.")] = None,
    ids: Annotated[
        list[UUID] | None, typer.Option("--id", help="A post or comment; repeatable.")
    ] = None,
    since: Annotated[
        datetime | None, _time("Only content from then on: 2026-11-24 or 2026-11-24T18:30 (UTC).")
    ] = None,
    until: Annotated[datetime | None, _time("Only content before then (UTC).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the content, and change nothing.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="List each post and comment, too.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Deletes the posts and comments of an author, or with these ids, in one batch.

    Example: communities moderation remove --actor MODERATOR --group GROUP --author SPAMMER
    --reason spam --since 2026-11-24 --dry-run
    """
    with (
        _session("group", group) as (connection, querier),
        connection.transaction(force_rollback=dry_run),
    ):
        batch = querier.content_remove(
            actor=actor,
            group_id=group,
            reason=reason,
            author_id=author,
            ids=ids or None,
            since=_aware(since),
            until=_aware(until),
        )
        assert batch is not None
        items = [*_items(querier, actor, batch.id)] if listed else None
    # Printed after the commit.
    if items is not None:
        _show(items, json)
    posts = output.counted(batch.posts_count, "post")
    content = f"{posts} and {output.counted(batch.comments_count, 'comment')}"
    row = {**_row(batch), "dry_run": dry_run}
    if dry_run:
        output.result(json, {**row, "id": None}, f"{content} would be removed")
    else:
        undo = f"communities moderation undo {batch.id} --actor {actor}"
        output.result(json, row, f"{content} removed; to undo it: {undo}")


@app.command(name="list")
def list_batches(actor: Actor, group: Group, json: output.Json = False) -> None:
    """Lists the batches of a group, newest first.

    Example: communities moderation list --actor MODERATOR --group GROUP
    """
    with (
        _session("group", group) as (_, querier),
        output.rows(json, BATCH, none="no batch") as add,
    ):
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
    with _session("batch", batch) as (_, querier):
        _show(_items(querier, actor, batch), json)


@app.command()
def undo(batch: Batch, actor: Actor, json: output.Json = False) -> None:
    """Restores the posts and comments that a batch has removed.

    Example: communities moderation undo BATCH --actor MODERATOR
    """
    with _session("batch", batch) as (_, querier):
        undone = querier.removal_undo(actor=actor, batch_id=batch)
    assert undone is not None
    removed = undone.posts_count + undone.comments_count
    output.result(json, _row(undone), f"{undone.restored_count} of {removed} restored")


@contextlib.contextmanager
def _session(kind: str, wanted: UUID) -> "Iterator[tuple[psycopg.Connection, moderation.Querier]]":
    """Yields a connection and its queries. Raises Failure for an unknown group or batch."""
    import psycopg

    from gen.jobs import moderation
    from tools.instance import sessions

    with sessions.opened(sessions.JOB) as (connection, _):
        try:
            yield connection, moderation.Querier(connection)
        except psycopg.Error as error:
            if error.diag.message_hint != "not_found":
                raise
            raise Failure(
                f"There is no {kind} {wanted} that the actor may see (not_found)."
            ) from None


def _items(querier: "moderation.Querier", actor: UUID, batch: UUID) -> Iterator[Any]:
    """Yields the posts and comments that a batch has removed."""
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
    """Yields the rows of a list, which it reads page by page."""
    before: str | None = None
    while True:
        page = [*read(before)]
        yield from page
        if len(page) < PAGE:
            return
        at = page[-1].created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        cursor = base64.urlsafe_b64encode(f"{at}|{page[-1].id}".encode())
        before = cursor.rstrip(b"=").decode()


def _row(batch: "models.ApiModerationBatch") -> output.Row:
    return {field: getattr(batch, field) for field in BATCH}


def _aware(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
