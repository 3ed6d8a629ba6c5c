"""PostgreSQL: server, login, migrations and connections."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, graded, ok, skipped, warning
from tools.instance import migrate, probes, sessions

VARIABLE: Final = "DATABASE_URL"
OLDEST, NEWEST = 16, 18
OWNER: Final = "communities_owner"
ROLES: Final = ("communities_service", sessions.WORKER, sessions.JOB)
# Relay, indexer and their LISTEN connections, the sweeper, and two commands.
WORKER_CONNECTIONS: Final = 7
MAX_SKEW_SECONDS: Final = 2.0
BAD_SKEW_SECONDS: Final = 30.0
_HINTS: Final = (
    ("password authentication failed", "Correct login and password in DATABASE_URL."),
    ("no pg_hba.conf entry", "Allow this machine and login in the server's pg_hba.conf."),
    (
        "does not exist",
        "Create it (`create database`, `create role`), or correct its name.",
    ),
    ("too many clients", "Close other connections, or raise max_connections."),
    ("remaining connection slots", "Close other connections, or raise max_connections."),
    ("SSL", "Correct sslmode in DATABASE_URL, or the server's certificate."),
    ("", "Start PostgreSQL, or correct host, port and firewall."),
)


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of PostgreSQL."""
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("postgres", VARIABLE)
        return
    try:
        connection = connect(url)
    except psycopg.Error as error:
        todo = next(todo for part, todo in _HINTS if part in str(error))
        yield findings.unreachable("postgres", VARIABLE, url, error, todo)
        return
    with connection:
        major = connection.info.server_version // 10_000
        found = f"PostgreSQL {major} at {probes.address(url)}"
        todo = f"Use PostgreSQL {OLDEST} to {NEWEST}. Other versions are not tested."
        yield graded("postgres", found, todo, fails=major < OLDEST, warns=major > NEWEST)
        if major >= OLDEST:
            yield from _server(connection, url)
            yield from _login(connection, context)
            yield from _schema(connection)
            yield from _room(connection, context)


def connect(url: str) -> psycopg.Connection:
    """Returns a connection in autocommit mode."""
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=findings.TIMEOUT_SECONDS,
        application_name="communities-doctor",
    )


@contextlib.contextmanager
def as_role(context: Context, role: str) -> Iterator[psycopg.Connection | None]:
    """Yields a connection with the rights of a role; None when another finding says why not."""
    url = context.url(VARIABLE)
    with contextlib.ExitStack() as stack:
        connection = None
        with contextlib.suppress(psycopg.Error):
            if url is not None:
                opened = stack.enter_context(connect(url))
                opened.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
                if _value(opened, "select to_regnamespace('api') is not null"):
                    connection = opened
        yield connection


def _value(connection: psycopg.Connection, query: LiteralString) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _server(connection: psycopg.Connection, url: str) -> Iterator[Finding]:
    if _value(connection, "select pg_is_in_recovery()"):
        yield failure("postgres.primary", "A standby.", "Point DATABASE_URL at the primary.")
    elif _value(connection, "show default_transaction_read_only") == "on":
        todo = "Reset default_transaction_read_only of the login, the database or the server."
        yield failure("postgres.primary", "Transactions are read-only by default.", todo)
    encoding = _value(connection, "show server_encoding")
    if encoding != "UTF8":
        yield failure("postgres.encoding", encoding, "Create the database with encoding UTF8.")
    if _value(connection, "show fsync") == "off":
        yield warning("postgres.durability", "fsync is off.", "Turn it on. A crash loses data.")
    if findings.is_remote(url) and not connection.pgconn.ssl_in_use:
        todo = "Add ?sslmode=verify-full, unless the network is private."
        yield warning("postgres.tls", "Connected without TLS.", todo)
    # A pooler reports another process id than the server.
    if connection.info.backend_pid == _value(connection, "select pg_backend_pid()"):
        yield ok("postgres.pool", "Connected directly.")
    else:
        todo = (
            "Transaction pooling needs a login with the role set, as in ops/postgres/logins.sql. "
            "Connect workers and `communities migrate` directly."
        )
        yield warning("postgres.pool", "Connected through a pooler such as PgBouncer.", todo)
    yield _clock(connection)


def _clock(connection: psycopg.Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = _value(connection, "select clock_timestamp()")
    after = datetime.now(UTC)
    skew = max((theirs - after).total_seconds(), (before - theirs).total_seconds(), 0.0)
    return graded(
        "postgres.clock",
        f"The clocks of server and this machine differ by {skew:.1f} s.",
        "Synchronise both by NTP.",
        fails=skew > BAD_SKEW_SECONDS,
        warns=skew > MAX_SKEW_SECONDS,
    )


def _login(connection: psycopg.Connection, context: Context) -> Iterator[Finding]:
    """Yields the findings about the roles of the login."""
    query = (
        "select rolname, pg_has_role(session_user, oid, 'set') from pg_roles "
        "where rolname = any (%s)"
    )
    rights: dict[str, bool] = dict(connection.execute(query, [[*ROLES, OWNER]]).fetchall())
    login = _value(connection, "select session_user")
    if absent := [role for role in (*ROLES, OWNER) if role not in rights]:
        todo = "Run `communities migrate` with a login that may create roles."
        yield failure("postgres.roles", f"Roles do not exist: {', '.join(absent)}.", todo)
    if forbidden := ", ".join(role for role in ROLES if rights.get(role) is False):
        found = f"The login {login} may not `set role` to {forbidden}."
        todo = f"As a superuser: grant {forbidden} to {login}."
        yield failure("postgres.rights", found, todo)
    elif not absent:
        yield ok("postgres.rights", f"The login {login} may act as {', '.join(ROLES)}.")
    if rights.get(OWNER) is False:
        todo = f"Use another DATABASE_URL for these commands, or grant {OWNER} to {login}."
        yield warning("postgres.owner", f"The login {login} cannot migrate or seed.", todo)
    if context.is_configured(VARIABLE) and _value(connection, "show is_superuser") == "on":
        todo = f"Serve with a login that only has {', '.join(ROLES)}."
        yield warning("postgres.superuser", f"The login {login} is a superuser.", todo)


def _schema(connection: psycopg.Connection) -> Iterator[Finding]:
    """Yields whether tables and functions belong to this version."""
    sources = migrate.Sources()
    todo = "Run `communities migrate`."
    wanted = {path.name.partition("_")[0]: path.name for path in sources.schema.glob("*.sql")}
    if _value(connection, "select to_regclass('public.schema_migrations')::text") is None:
        yield failure("postgres.tables", "No migration is applied.", todo)
        return
    if not _value(connection, "select has_table_privilege('public.schema_migrations', 'select')"):
        yield skipped("postgres.tables", "This login may not read the applied migrations.")
    else:
        rows = connection.execute("select version from public.schema_migrations").fetchall()
        applied = {str(version) for (version,) in rows}
        pending = ", ".join(wanted[version] for version in sorted(set(wanted) - applied))
        # Versions that begin with 9 recorded builds of `api` and changed no table.
        unknown = sorted(v for v in applied - set(wanted) if not v.startswith("9"))
        if unknown:
            found = f"A newer version applied {', '.join(unknown)}."
            yield failure("postgres.tables", found, "Upgrade this machine to that version.")
        elif pending:
            yield failure("postgres.tables", f"Not applied: {pending}.", todo)
        else:
            yield ok("postgres.tables", f"All {len(wanted)} migrations are applied.")
    built = _value(connection, "select obj_description(to_regnamespace('api'), 'pg_namespace')")
    current = built == sources.fingerprint()
    state = "is up to date" if current else "was built from other files" if built else "is missing"
    yield graded("postgres.api", f"The schema api {state}.", todo, fails=not current)


def _room(connection: psycopg.Connection, context: Context) -> Iterator[Finding]:
    """Yields whether the server accepts all connections of this instance."""
    settings = context.settings
    pools = settings.web_concurrency * settings.db_pool_size
    needed = pools + WORKER_CONNECTIONS
    rows = connection.execute(
        "select current_setting('max_connections')::int "
        "- current_setting('superuser_reserved_connections')::int "
        "- current_setting('reserved_connections')::int "
        "union all select rolconnlimit from pg_roles where rolname = session_user "
        "union all select datconnlimit from pg_database where datname = current_database()"
    ).fetchall()
    # -1 is no limit.
    limit = min(int(value) for (value,) in rows if value >= 0)
    others = _value(
        connection,
        "select count(*) from pg_stat_activity where backend_type = 'client backend' "
        "and application_name not like 'communities-%'",
    )
    yield graded(
        "postgres.connections",
        f"{needed} connections are needed (WEB_CONCURRENCY × DB_POOL_SIZE = {pools}, and "
        f"{WORKER_CONNECTIONS}). The limit is {limit}, and {others} are in use by others.",
        "Lower WEB_CONCURRENCY or DB_POOL_SIZE, or raise the server's limit.",
        fails=needed > limit,
        warns=needed + others > limit,
    )
