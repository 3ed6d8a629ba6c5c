"""Redis, which carries the streams."""

import secrets
from collections.abc import Iterator
from typing import Any, Final

import redis

from common import streams
from tools.doctor import findings
from tools.doctor.findings import Context, Finding, failure, ok, warning

OLDEST: Final = (6, 2)
VARIABLE: Final = "REDIS_URL"
_HINTS: Final = (
    (redis.AuthenticationError, "give REDIS_URL the right password: redis://:password@host:port/0"),
    (redis.ConnectionError, "start Redis, or correct host, port and firewall"),
    (redis.TimeoutError, "correct host, port and firewall, or find out what keeps it busy"),
)


def look(context: Context) -> Iterator[Finding]:
    url = context.url(VARIABLE)
    if url is None:
        yield findings.not_started("redis", VARIABLE)
        return
    client = redis.Redis.from_url(
        url,
        socket_timeout=findings.TIMEOUT_SECONDS,
        socket_connect_timeout=findings.TIMEOUT_SECONDS,
    )
    with client:
        try:
            info: dict[str, Any] = client.info()
        except (redis.RedisError, OSError) as error:
            todo = next((todo for kind, todo in _HINTS if isinstance(error, kind)), "see its log")
            yield findings.unreachable("redis", VARIABLE, url, error, todo)
            return
        yield _version(info, url)
        yield _policy(info)
        yield from _persistence(info)
        yield _rights(client, info)


def _version(info: dict[str, Any], url: str) -> Finding:
    text = str(info["redis_version"])
    found = f"Redis {text} at {findings.place(url)}"
    if findings.version(text) < OLDEST:
        return failure("redis", found, "use Redis 6.2 or newer")
    return ok("redis", found)


def _policy(info: dict[str, Any]) -> Finding:
    """Streams have no time to live, so only an allkeys policy takes them away."""
    policy, most = str(info.get("maxmemory_policy", "unknown")), int(info.get("maxmemory", 0))
    found = f"maxmemory-policy is {policy}, maxmemory {f'{most:,} bytes' if most else 'unlimited'}"
    if policy.startswith("allkeys-"):
        make = failure if most else warning
        return make(
            "redis.memory", f"{found}: it may evict the streams",
            "set maxmemory-policy to noeviction or a volatile- one",
        )  # fmt: skip
    return ok("redis.memory", found)


def _persistence(info: dict[str, Any]) -> Iterator[Finding]:
    aof = bool(info.get("aof_enabled"))
    if aof and info.get("aof_last_write_status", "ok") != "ok":
        yield failure("redis.persistence", "the last write to its log failed", "look at its disk")
    elif info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield failure("redis.persistence", "the last snapshot failed", "look at its disk and log")
    elif aof:
        yield ok("redis.persistence", "appendonly")
    else:
        yield warning(
            "redis.persistence",
            "appendonly is off: after a crash of Redis the newest events are gone from the streams",
            "set appendonly yes, or take it that clients then have to resync",
        )


def _rights(client: redis.Redis, info: dict[str, Any]) -> Finding:
    """Checks that the login may write a key, delete it, and read the streams."""
    if info.get("role") == "slave":
        return failure("redis.rights", "it is a replica", "point REDIS_URL at the primary")
    key = f"communities:doctor:{secrets.token_hex(8)}"
    try:
        client.set(key, "1", ex=findings.TIMEOUT_SECONDS)
        client.delete(key)
        lengths = [int(client.xlen(stream)) for stream in streams.STREAMS]
    except redis.RedisError as error:
        return failure(
            "redis.rights", f"can't write and read: {error}",
            "give the login the commands, or Redis the memory, that it lacks",
        )  # fmt: skip
    counted = ", ".join(
        f"{stream} has {length}" for stream, length in zip(streams.STREAMS, lengths, strict=True)
    )
    return ok("redis.rights", f"may read and write; {counted}")
