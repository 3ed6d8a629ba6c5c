"""Database connections of commands, each with the rights of one role."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

import orjson
import psycopg
from psycopg import errors, sql

from common import settings as configuration
from tools.failure import Failure
from tools.instance import stack

WORKER: Final = "communities_worker"
JOB: Final = "communities_job"
_OUTDATED: Final = (errors.UndefinedFunction, errors.UndefinedTable, errors.InvalidSchemaName)
_UNAUTHORISED: Final = (errors.InsufficientPrivilege, errors.InvalidParameterValue)


@contextlib.contextmanager
def opened(
    role: str, needed: Sequence[str] = ("postgres",)
) -> Iterator[tuple[psycopg.Connection, stack.Stack]]:
    """Yields a connection in autocommit mode, and its stack with the needed stores running."""
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
    """Turns an error of the database into a Failure of one line."""
    try:
        yield
    except psycopg.Error as error:
        raise Failure(explanation(error)) from None


def explanation(error: psycopg.Error) -> str:
    """Returns the message of an error of the database, and its remedy if that is known."""
    message = error.diag.message_primary or str(error).strip()
    if (error.sqlstate or "").startswith("PT"):
        return f"{message} ({error.diag.message_hint}){_fields(error.diag.message_detail or '')}"
    if isinstance(error, _OUTDATED):
        return f"{message}: run `communities migrate`"
    if isinstance(error, _UNAUTHORISED):
        return f"{message}: `communities doctor` names the missing right"
    return message


def _fields(detail: str) -> str:
    with contextlib.suppress(orjson.JSONDecodeError):
        errors: list[dict[str, str]] = orjson.loads(detail).get("errors", [])
        return "".join(f"; {each['field']}: {each['message']}" for each in errors)
    return ""
