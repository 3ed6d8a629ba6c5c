"""Worlds of the matrix: groups with one user in each role."""

import datetime
import uuid
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from tests.matrix import tables

OTHERS = ("newcomer", "requester", *(f"other_{role}" for role in tables.RANKS))
PEOPLE = {
    name: uuid.uuid5(uuid.NAMESPACE_OID, f"matrix {name}")
    for name in (*tables.COLUMNS[1:], *OTHERS)
}


class Worlds:
    """Factory of worlds, on a superuser's connection with the functions of world.sql."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @classmethod
    def install(cls, connection: psycopg.Connection) -> "Worlds":
        connection.execute((Path(__file__).parent / "world.sql").read_text())
        return cls(connection)

    def make(
        self, visibility: str = "public", state: str = "normal", author: str = "author"
    ) -> dict[str, str]:
        """Creates a world. Returns the ids and texts that the tables name in braces."""
        people = {name: str(user) for name, user in PEOPLE.items()}
        made = self._connection.execute(
            "select pg_temp.make_world(%s, %s, %s, %s)", [Jsonb(people), visibility, state, author]
        ).fetchone()
        assert made
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        return {**made[0], "tomorrow": tomorrow.isoformat()}

    def count_traces(self) -> int:
        """Returns the number of events and audit entries."""
        count = "select (select count(*) from outbox_event) + (select count(*) from audit_log)"
        (number,) = self._connection.execute(count).fetchone() or (0,)
        return int(number)
