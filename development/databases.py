"""Databases of tests: clones of a template, which is made once for each state of the SQL files."""

import fcntl
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

from tools.instance import logins, migrate, parts, stack

KEPT_TEMPLATES = 3
_numbers = itertools.count()
# Statements that give a database the owner and rights of another one.
_RIGHTS = """
select format('alter database %%I owner to %%s', %(name)s::text, datdba::regrole)
from pg_database where datname = %(source)s
union all
select format('revoke all on database %%I from public', %(name)s::text)
union all
select format(
  'grant %%s on database %%I to %%s', a.privilege_type, %(name)s::text, a.grantee::regrole
)
from pg_database cross join lateral aclexplode(datacl) as a
where datname = %(source)s and a.grantee <> datdba and a.grantee <> 0
"""


@dataclass(frozen=True)
class Database:
    """A test's own database."""

    url: str

    def connect(self, role: str | None = None, **options: Any) -> psycopg.Connection:
        """Returns an autocommit connection, as the superuser or with the rights of a role."""
        connection = psycopg.connect(self.url, autocommit=True, **options)
        if role is not None:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        return connection


def named(url: str, database: str) -> str:
    """Returns the URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def template(running: stack.Stack, sources: migrate.Sources | None = None) -> str:
    """Returns the name of a migrated database, which it creates once for each state of the files.

    As in a deployment, a superuser creates the logins, and one of them migrates.
    """
    sources = sources or migrate.Sources()
    name = f"tmpl_{sources.fingerprint()[:16]}"
    lock = running.data_dir / "run" / "template.lock"
    with (
        lock.open("ab") as file,
        psycopg.connect(running.superuser_url, autocommit=True) as connection,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _exists(connection, name):
            _drop_leftovers(connection)
            draft = f"draft_{os.getpid()}"
            connection.execute(f"create database {draft}")
            try:
                url = named(running.superuser_url, draft)
                logins.create(parts.psql(), parts.libpq(url), running.data_dir)
                migrator_url = running.as_login(url, logins.MIGRATOR)
                migrate.migrate(migrator_url, sources, say=lambda _line: None)
                connection.execute(f"alter database {draft} rename to {name}")
            except BaseException:
                connection.execute(f"drop database {draft} with (force)")
                raise
            connection.execute(f"alter database {name} with is_template true")
    return name


@contextmanager
def clone(running: stack.Stack, source: str | None = None) -> Iterator[Database]:
    """Yields a new database, empty without a source, and drops it at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(running.superuser_url, autocommit=True) as connection:
        if source is not None:
            copy(connection, source, name)
        else:
            connection.execute(f"create database {name} owner {logins.MIGRATOR} template template0")
    try:
        yield Database(named(running.superuser_url, name))
    finally:
        with psycopg.connect(running.superuser_url, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)")


def copy(connection: psycopg.Connection, source: str, name: str) -> None:
    """Copies a database with its owner and rights, which `create database` omits."""
    # A file copy is two to three times as fast as the default for databases of this size.
    connection.execute(f"create database {name} template {source} strategy file_copy")
    if source != "template0":
        for (statement,) in connection.execute(
            _RIGHTS, {"source": source, "name": name}
        ).fetchall():
            connection.execute(statement)


def dump(url: str) -> str:
    """Returns the dump of a database, without lines that differ between equal dumps."""
    command = [f"{parts.postgres_programs()}/pg_dump", f"--dbname={url}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    volatile = ("--", "\\restrict", "\\unrestrict")
    return "\n".join(line for line in text.splitlines() if not line.startswith(volatile))


def _exists(connection: psycopg.Connection, name: str) -> bool:
    query = "select from pg_database where datname = %s"
    return connection.execute(query, [name]).fetchone() is not None


def _drop_leftovers(connection: psycopg.Connection) -> None:
    """Drops old templates, and databases of killed test runs."""
    rows = connection.execute(
        "select datname from pg_database where datname ~ '^(tmpl|test|draft)_' order by oid desc"
    ).fetchall()
    names = [str(name) for (name,) in rows]
    templates = [name for name in names if name.startswith("tmpl_")]
    orphans = [
        name
        for name in names
        if not name.startswith("tmpl_") and not psutil.pid_exists(int(name.split("_")[1]))
    ]
    for name in templates[KEPT_TEMPLATES - 1 :]:
        connection.execute(f"alter database {name} with is_template false")
    for name in [*templates[KEPT_TEMPLATES - 1 :], *orphans]:
        connection.execute(f"drop database {name} with (force)")
