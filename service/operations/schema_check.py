"""Check that the database has every function that this version of the service calls."""

import functools
import importlib
import pkgutil
import re
from typing import Final

import gen.http
from common import database

_NAME: Final = "-- name: "
_PARAMETER: Final = re.compile(r"%\(\w+\)s")
_FINGERPRINT: Final = "select obj_description(to_regnamespace('api'), 'pg_namespace')"


class SchemaCheck:
    """Check that prepares every statement of `gen.http`, once for each version of the schema `api`.

    A newer `api` passes as long as it has every function, so servers of the previous version stay
    ready during an upgrade. Servers of the next version wait for it.
    """

    def __init__(self, pool: database.Pool) -> None:
        self._pool = pool
        self._checked: str | None = None

    async def run(self) -> None:
        """Raises psycopg.Error or LookupError when a statement cannot be prepared."""
        async with database.connection(self._pool) as connection:
            cursor = await connection.execute(_FINGERPRINT)
            row = await cursor.fetchone()
            if row is None or row[0] is None:
                raise LookupError("the schema api does not exist")
            if row[0] != self._checked:
                # One message prepares and deallocates all of them.
                await connection.execute(_script(), prepare=False)
                self._checked = row[0]


@functools.cache
def _script() -> bytes:
    return "".join(
        f"prepare schema_check as {_PARAMETER.sub('null', text)}; deallocate schema_check;\n"
        for text in _statements()
    ).encode()


def _statements() -> list[str]:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.iter_modules(gen.http.__path__, "gen.http.")
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, str) and value.startswith(_NAME)
    ]
