"""Connections of commands to the instance's database, with the rights of one role and no more."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson
import psycopg
from psycopg import errors, sql

from common import settings as configuration
from tools.failure import Failure
from tools.instance import stack

WORKER: Final = "communities_worker"
JOB: Final = "communities_job"

_OUTDATED = (errors.UndefinedFunction, errors.UndefinedTable, errors.InvalidSchemaName)


@contextlib.contextmanager
def opened(
    role: str, needed: Sequence[str] = ("postgres",)
) -> Iterator[tuple[psycopg.Connection, stack.Stack]]:
    """Yields a connection in autocommit, and its stack with the needed parts running."""
    settings = configuration.load(configuration.Settings)
    with (
        stack.borrowed(settings, needed) as running,
        explained(),
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        connection.execute("set timezone = 'UTC'")
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        yield connection, running


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Tells in one line what the database refuses."""
    try:
        yield
    except psycopg.Error as error:
        raise Failure(explanation(error)) from None


def explanation(error: psycopg.Error) -> str:
    """Returns what the database refuses, and what to do about it where that is known."""
    said = error.diag.message_primary or str(error).strip()
    if (error.sqlstate or "").startswith("PT"):
        return f"{said} ({error.diag.message_hint}){_fields(error.diag.message_detail)}"
    if isinstance(error, _OUTDATED):
        return f"{said}: `communities migrate` brings the database up to date"
    if isinstance(error, errors.InsufficientPrivilege | errors.InvalidParameterValue):
        return f"{said}: `communities doctor` tells which right is missing"
    return said


def _fields(detail: str | None) -> str:
    if detail is None:
        return ""
    with contextlib.suppress(orjson.JSONDecodeError):
        words: Any = orjson.loads(detail)
        if isinstance(words, dict):
            return "".join(
                f"; {each['field']}: {each['message']}" for each in words.get("errors", [])
            )
    return ""
