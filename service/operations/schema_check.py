"""Whether the database has the rulebook that this code was written for."""

import functools
import importlib
import pkgutil
import re
from typing import Final

import gen
from common import database

_NAME: Final = "-- name: "
_PARAMETER: Final = re.compile(r"%\(\w+\)s")
_FINGERPRINT: Final = "select obj_description(to_regnamespace('api'), 'pg_namespace')"


class Rulebook:
    """Has PostgreSQL read every statement of `gen`, once for each state of `api`.

    An older `api` lacks what is new, a newer one is welcome as long as all of them can be read: so
    the servers of the last version stay ready during an upgrade, and the next ones wait for it.
    """

    def __init__(self, pool: database.Pool) -> None:
        self._pool = pool
        self._known: str | None = None

    async def check(self) -> None:
        """Raises psycopg.Error or LookupError where a statement can't be run."""
        async with database.connection(self._pool) as connection:
            cursor = await connection.execute(_FINGERPRINT)
            row = await cursor.fetchone()
            if row is None or row[0] is None:
                raise LookupError("there is no schema api")
            if row[0] != self._known:
                # Read and forgotten, all in one message.
                await connection.execute(_script(), prepare=False)
                self._known = row[0]


@functools.cache
def _script() -> bytes:
    return "".join(
        f"prepare rulebook as {_PARAMETER.sub('null', text)}; deallocate rulebook;\n"
        for text in _statements()
    ).encode()


def _statements() -> list[str]:
    modules = [
        importlib.import_module(f"gen.{one.name}") for one in pkgutil.iter_modules(gen.__path__)
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, str) and value.startswith(_NAME)
    ]
