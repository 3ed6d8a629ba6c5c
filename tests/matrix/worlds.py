"""Groups with somebody in every role, for the cells of the matrix to be tried on."""

import datetime
import uuid

import psycopg
from psycopg.types.json import Jsonb

from tests.matrix import tables

OTHERS = ("newcomer", "requester", *(f"other_{role}" for role in tables.RANKS))
PEOPLE = {
    name: uuid.uuid5(uuid.NAMESPACE_OID, f"matrix {name}")
    for name in (*tables.COLUMNS[1:], *OTHERS)
}


class Worlds:
    """Makes them, by the functions of world.sql."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def make(
        self, visibility: str = "public", state: str = "living", author: str = "author"
    ) -> dict[str, str]:
        """A group's people and things, by the names that stand in the tables."""
        who = {name: str(user) for name, user in PEOPLE.items()}
        made = self._connection.execute(
            "select pg_temp.make_world(%s, %s, %s, %s)", [Jsonb(who), visibility, state, author]
        ).fetchone()
        assert made
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        return {**made[0], "tomorrow": tomorrow.isoformat()}

    def traces(self) -> int:
        """How many events and audit entries there are."""
        count = "select (select count(*) from outbox_event) + (select count(*) from audit_log)"
        (number,) = self._connection.execute(count).fetchone() or (0,)
        return int(number)
