"""Redis, which holds the streams."""

import secrets
from collections.abc import Iterator
from typing import Any, Final

import redis

from common import streams
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, graded, ok, warning
from tools.instance import probes

OLDEST: Final = (6, 2)
VARIABLE: Final = "REDIS_URL"
_HINTS: Final = (
    (
        redis.AuthenticationError,
        "Correct the password in REDIS_URL: redis://:password@host:port/0.",
    ),
    (redis.ConnectionError, "Start Redis, or correct host, port and firewall."),
    (redis.TimeoutError, "Correct host, port and firewall, or reduce the load of Redis."),
    (Exception, "Read the log of Redis."),
)


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of Redis."""
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("redis", VARIABLE)
        return
    timeout = findings.TIMEOUT_SECONDS
    with redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=timeout
    ) as client:
        try:
            info: dict[str, Any] = client.info()
        except (redis.RedisError, OSError) as error:
            todo = next(todo for kind, todo in _HINTS if isinstance(error, kind))
            yield findings.unreachable("redis", VARIABLE, url, error, todo)
            return
        version = str(info["redis_version"])
        found = f"Redis {version} at {probes.address(url)}"
        is_old = findings.version(version) < OLDEST
        yield graded("redis", found, "Use Redis 6.2 or newer.", fails=is_old)
        yield _memory(info)
        yield _persistence(info)
        yield _rights(client, info)


def _memory(info: dict[str, Any]) -> Finding:
    """Returns whether Redis may evict streams. They have no expiry, so only allkeys policies do."""
    policy, limit = str(info.get("maxmemory_policy")), int(info.get("maxmemory", 0))
    evicts = policy.startswith("allkeys-")
    found = f"maxmemory is {f'{limit:,} bytes' if limit else 'unlimited'}, its policy {policy}."
    if evicts:
        found += " It may evict the streams."
    todo = "Set maxmemory-policy to noeviction or a volatile- policy."
    return graded("redis.memory", found, todo, fails=evicts and limit > 0, warns=evicts)


def _persistence(info: dict[str, Any]) -> Finding:
    name, is_logged = "redis.persistence", bool(info.get("aof_enabled"))
    if is_logged and info.get("aof_last_write_status", "ok") != "ok":
        return failure(name, "The last write to the append-only file failed.", "Check its disk.")
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        return failure(name, "The last snapshot failed.", "Check the disk and log of Redis.")
    if is_logged:
        return ok(name, "appendonly is on.")
    found = "appendonly is off. A crash of Redis loses the newest events of the streams."
    return warning(name, found, "Set appendonly yes, or accept that clients resync after a crash.")


def _rights(client: redis.Redis, info: dict[str, Any]) -> Finding:
    """Returns whether the login may write and delete a key, and read the streams."""
    if info.get("role") == "slave":
        return failure("redis.rights", "A replica.", "Point REDIS_URL at the primary.")
    key = f"communities:doctor:{secrets.token_hex(8)}"
    try:
        client.set(key, "1", ex=findings.TIMEOUT_SECONDS)
        client.delete(key)
        lengths = [f"{client.xlen(stream)} in {stream}" for stream in streams.STREAMS]
    except redis.RedisError as error:
        todo = "Grant the login the missing commands, or give Redis more memory."
        return failure("redis.rights", f"Cannot write or read: {error}", todo)
    return ok("redis.rights", f"Reads and writes. Entries: {', '.join(lengths)}.")
