"""PostgreSQL: whether it can be used, by whom, and whether it is up to date; and what it holds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from gen.jobs import counters, media, outbox
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok, skipped, warning
from tools.instance import migrate, sessions

VARIABLE: Final = "DATABASE_URL"
OLDEST, NEWEST = 16, 18
OWNER: Final = "communities_owner"
ROLES: Final = ("communities_service", sessions.WORKER, sessions.JOB)
# Of the relay, the indexer and their doorbells, the sweeper, and a command or two.
WORKERS_CONNECTIONS: Final = 7
SKEW: Final = 2.0  # seconds that clocks may differ
BAD_SKEW: Final = 30.0
LAG: Final = 60.0  # seconds that an event may wait
UNSWEPT: Final = 600.0  # and an object that is to go; the sweeper comes once a minute
_HINTS: Final = (
    ("password authentication failed", "correct the login and password in DATABASE_URL"),
    ("no pg_hba.conf entry", "let this machine and login in by the server's pg_hba.conf"),
    ("does not exist", "make it (`create database …`, `create role … login`), or correct the name"),
    ("too many clients", "end other programs' connections, or raise max_connections"),
    ("remaining connection slots", "end other programs' connections, or raise max_connections"),
    ("SSL", "correct sslmode in DATABASE_URL, or the server's certificate"),
)


def look(context: Context) -> Iterator[Finding]:
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("postgres", VARIABLE)
        return
    try:
        connection = _connect(url)
    except psycopg.Error as error:
        text = str(error)
        todo = next((todo for part, todo in _HINTS if part in text), None)
        todo = todo or "start PostgreSQL, or correct host, port and firewall"
        yield findings.unreachable("postgres", VARIABLE, url, error, todo)
        return
    with connection:
        major = connection.info.server_version // 10_000
        found = f"PostgreSQL {connection.info.server_version // 10_000} at {findings.place(url)}"
        if major < OLDEST:
            yield failure("postgres", found, f"use PostgreSQL {OLDEST} to {NEWEST}")
            return
        if major > NEWEST:
            yield warning("postgres", found, f"{OLDEST} to {NEWEST} is what this is tested with")
        else:
            yield ok("postgres", found)
        yield from _server(connection, url)
        yield from _login(connection, context)
        yield from _state(connection)
        yield from _room(connection, context)


def look_at_outbox(context: Context) -> Iterator[Finding]:
    with _as_role(context, sessions.WORKER) as connection:
        if connection is None:
            yield skipped("outbox", "not looked at: the database can't be asked for it")
            return
        lags = outbox.Querier(connection).outbox_measure()
        for lag in sorted(lags, key=lambda lag: lag.consumer or ""):
            check, late = f"outbox.{lag.consumer}", lag.lag_seconds or 0.0
            found = f"{lag.waiting} wait, the oldest for {late:.0f} s, {lag.dead} are dead"
            if lag.dead:
                yield failure(
                    check, found,
                    f"`communities outbox dead --consumer {lag.consumer}` tells why; replay or "
                    "discard them after that",
                )  # fmt: skip
            elif late > LAG:
                yield warning(check, found, "see that the workers run, and what their logs say")
            else:
                yield ok(check, found)


def look_at_sweeper(context: Context) -> Iterator[Finding]:
    """Checks the sweeper by its overdue rows, because it keeps no connection."""
    with _as_role(context, sessions.WORKER) as connection:
        if connection is None:
            yield skipped("sweeper", "not looked at: the database can't be asked for it")
            return
        first = next(media.Querier(connection).orphaned_object_find(most=1), None)
        late = (datetime.now(UTC) - first.due_at).total_seconds() if first else 0.0
        if late > UNSWEPT:
            yield warning(
                "sweeper", f"an object was to leave the bucket {late / 60:.0f} minutes ago",
                "see that a sweeper runs (`python -m workers.sweeper`), and what its log says",
            )  # fmt: skip
        else:
            yield ok("sweeper", "nothing waits for it")


def look_at_counters(context: Context) -> Iterator[Finding]:
    if not context.deep:
        return
    with _as_role(context, sessions.JOB) as connection:
        if connection is None:
            yield skipped("counters", "not looked at: the database can't be asked for it")
            return
        wrong = len([*counters.Querier(connection).counter_verify()])
        if wrong:
            todo = (
                "`communities counters verify` names them, `communities counters repair` mends them"
            )
            yield failure("counters", f"{wrong} are wrong", todo)
        else:
            yield ok("counters", "every one is right")


class _as_role:  # noqa: N801  used as a function
    """A connection with a role's rights; None where the earlier findings say why there is none."""

    def __init__(self, context: Context, role: str) -> None:
        self._url, self._role = context.url(VARIABLE), role
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> psycopg.Connection | None:
        if self._url is None:
            return None
        try:
            self._connection = _connect(self._url)
            self._connection.execute(sql.SQL("set role {}").format(sql.Identifier(self._role)))
            if _value(self._connection, "select to_regnamespace('api') is null"):
                return None
        except psycopg.Error:
            return None
        return self._connection

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=findings.TIMEOUT_SECONDS,
        application_name="communities-doctor",
    )


def _value(connection: psycopg.Connection, query: LiteralString, *values: Any) -> Any:
    row = connection.execute(query, values or None).fetchone()
    return row[0] if row else None


def _server(connection: psycopg.Connection, url: str) -> Iterator[Finding]:
    if _value(connection, "select pg_is_in_recovery()"):
        yield failure("postgres.primary", "it is a standby", "point DATABASE_URL at the primary")
    elif _value(connection, "show default_transaction_read_only") == "on":
        yield failure(
            "postgres.primary", "transactions are read-only by default",
            "reset default_transaction_read_only of the login, the database or the server",
        )  # fmt: skip
    encoding = _value(connection, "show server_encoding")
    if encoding != "UTF8":
        yield failure("postgres.encoding", encoding, "make the database with encoding UTF8")
    if _value(connection, "show fsync") == "off":
        yield warning("postgres.durability", "fsync is off", "turn it on, or lose data in a crash")
    if findings.is_remote(url) and not connection.pgconn.ssl_in_use:
        yield warning(
            "postgres.tls",
            "asked without TLS",
            "add ?sslmode=verify-full, unless the network is yours",
        )
    yield _pool(connection)
    yield _clock(connection)


def _pool(connection: psycopg.Connection) -> Finding:
    """Checks for a pooler, which reports another process id than the server."""
    if connection.info.backend_pid == _value(connection, "select pg_backend_pid()"):
        return ok("postgres.pool", "asked directly")
    return warning(
        "postgres.pool", "a pooler such as PgBouncer is in between",
        "by transaction it may pool only for a login that has its role by itself, as in "
        "ops/postgres/logins.sql; workers and `communities migrate` must go past it",
    )  # fmt: skip


def _clock(connection: psycopg.Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = _value(connection, "select clock_timestamp()")
    after = datetime.now(UTC)
    # Our time when it looked is between the two.
    skew = max((theirs - after).total_seconds(), (before - theirs).total_seconds(), 0.0)
    found = f"its clock and this machine's differ by {skew:.1f} s"
    todo = "let both machines keep time by NTP"
    if skew > BAD_SKEW:
        return failure("postgres.clock", found, todo)
    return warning("postgres.clock", found, todo) if skew > SKEW else ok("postgres.clock", found)


def _login(connection: psycopg.Connection, context: Context) -> Iterator[Finding]:
    """Checks the roles of the login."""
    rights: dict[str, bool] = dict(
        connection.execute(
            "select rolname, pg_has_role(session_user, oid, 'set') from pg_roles "
            "where rolname = any (%s)",
            [[*ROLES, OWNER]],
        ).fetchall()
    )
    login = _value(connection, "select session_user")
    absent = [role for role in (*ROLES, OWNER) if role not in rights]
    if absent:
        yield failure(
            "postgres.roles", f"there is no role {', '.join(absent)}",
            "`communities migrate` makes them, by a login that may create roles",
        )  # fmt: skip
    forbidden = [role for role in ROLES if rights.get(role) is False]
    if forbidden:
        names = ", ".join(forbidden)
        yield failure(
            "postgres.rights", f"the login {login} may not `set role` to {names}",
            f"as a superuser: grant {names} to {login}",
        )  # fmt: skip
    elif not absent:
        yield ok("postgres.rights", f"the login {login} may be {', '.join(ROLES)}")
    if rights.get(OWNER) is False:
        yield warning(
            "postgres.owner", f"the login {login} can't migrate or seed",
            f"do that with another DATABASE_URL, or grant {OWNER} to {login}",
        )  # fmt: skip
    if context.is_configured(VARIABLE) and _value(connection, "show is_superuser") == "on":
        yield warning(
            "postgres.superuser", f"the login {login} is a superuser",
            f"serve with a login of its own that has only {', '.join(ROLES)}",
        )  # fmt: skip


def _state(connection: psycopg.Connection) -> Iterator[Finding]:
    """Checks that tables and functions belong to this version."""
    sources = migrate.Sources()
    todo = "`communities migrate`"
    wanted = {path.name.partition("_")[0]: path.name for path in sources.schema.glob("*.sql")}
    table = _value(connection, "select to_regclass('public.schema_migrations')::text")
    if table is None:
        yield failure("postgres.tables", "no migration was ever applied", todo)
        return
    if not _value(connection, "select has_table_privilege('public.schema_migrations', 'select')"):
        yield skipped("postgres.tables", "this login may not read which migrations were applied")
    else:
        rows = connection.execute("select version from public.schema_migrations").fetchall()
        applied = {str(version) for (version,) in rows}
        # With 9 begin versions that were no tables' migrations but builds of `api`.
        unknown = {version for version in applied - set(wanted) if not version.startswith("9")}
        pending = [wanted[version] for version in sorted(set(wanted) - applied)]
        if unknown:
            yield failure(
                "postgres.tables", f"a newer program has applied {', '.join(sorted(unknown))}",
                "run that newer version here, too",
            )  # fmt: skip
        elif pending:
            yield failure("postgres.tables", f"not applied: {', '.join(pending)}", todo)
        else:
            yield ok("postgres.tables", f"all {len(wanted)} migrations are applied")
    built = _value(connection, "select obj_description(to_regnamespace('api'), 'pg_namespace')")
    if built != sources.fingerprint():
        found = "the schema api was built from other files" if built else "there is no schema api"
        yield failure("postgres.api", found, todo)
    else:
        yield ok("postgres.api", "the schema api is as these files make it")


def _room(connection: psycopg.Connection, context: Context) -> Iterator[Finding]:
    """Checks that the server accepts all connections of this instance."""
    settings = context.settings
    pools = settings.web_concurrency * settings.db_pool_size
    needed = pools + WORKERS_CONNECTIONS
    most = int(_value(connection, "show max_connections"))
    reserved = int(_value(connection, "show superuser_reserved_connections"))
    reserved += int(_value(connection, "show reserved_connections"))
    limits = [most - reserved]
    rows = connection.execute(
        "select rolconnlimit from pg_roles where rolname = session_user "
        "union all select datconnlimit from pg_database where datname = current_database()"
    ).fetchall()
    # -1 is no limit.
    limits += [int(limit) for (limit,) in rows if limit >= 0]
    others = int(
        _value(
            connection,
            "select count(*) from pg_stat_activity where backend_type = 'client backend' "
            "and application_name not like 'communities-%%'",
        )
    )
    found = (
        f"{needed} connections are needed (WEB_CONCURRENCY × DB_POOL_SIZE = {pools}, and "
        f"{WORKERS_CONNECTIONS}), {min(limits)} may be open, others have {others}"
    )
    todo = "lower WEB_CONCURRENCY or DB_POOL_SIZE, or raise the server's limit"
    if needed > min(limits):
        yield failure("postgres.connections", found, todo)
    elif needed + others > min(limits):
        yield warning("postgres.connections", found, todo)
    else:
        yield ok("postgres.connections", found)
