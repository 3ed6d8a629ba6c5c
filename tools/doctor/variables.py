"""The settings: where each comes from, and which of them don't suit a machine that others reach."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import dotenv
from pydantic import SecretStr

from common import settings as configuration
from tools import output
from tools.doctor.findings import Context, Finding, is_remote, ok, place, warning

SHORTEST_SECRET: Final = 32  # bytes, as RFC 7518 asks for HS256
FILE: Final = Path(".env")


def look(context: Context) -> Iterator[Finding]:
    yield from _sources(context.settings)
    yield from _file()
    yield from _tokens(context)
    yield from _exposure(context)
    yield from _plain_text(context)
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    servers = context.settings.web_concurrency
    if servers > 2 * cores:
        yield warning(
            "settings.WEB_CONCURRENCY",
            f"{servers} server processes on {output.counted(cores, 'core')}",
            "set it to the number of cores at most",
        )


def _sources(settings: configuration.Settings) -> Iterator[Finding]:
    written = _written()
    defaults = 0
    for name in configuration.names():
        value = _shown(getattr(settings, name.lower()))
        source = _source(name, written)
        if source is None:
            defaults += 1
        else:
            yield ok(f"settings.{name}", f"{value}, from {source}")
    yield ok("settings", f"{defaults} others have their defaults")


def _source(name: str, written: Mapping[str, str | None]) -> str | None:
    """Returns where a setting's value comes from; None: it is the default. Empty is unset."""
    if any(key.upper() == name and value for key, value in os.environ.items()):
        return "the environment"
    return str(FILE) if written.get(name) else None


def _written() -> dict[str, str | None]:
    if not FILE.is_file():
        return {}
    return {name.upper(): value for name, value in dotenv.dotenv_values(FILE).items()}


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return place(text) if "://" in text else "set"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _file() -> Iterator[Finding]:
    known = {*configuration.names(), "EXAMPLE_USERS"}
    if unknown := sorted(set(_written()) - known):
        yield warning(
            "settings.unknown",
            f"{FILE} sets {', '.join(unknown)}, which nothing here reads",
            "look for the right name in .env.example",
        )
    if FILE.is_file() and stat.S_IMODE(FILE.stat().st_mode) & 0o077:
        held = [name for name, value in _written().items() if value and _is_secret(name)]
        if held:
            yield warning(
                "settings.file", f"others can read {FILE}, which holds {', '.join(held)}",
                f"chmod 600 {FILE}",
            )  # fmt: skip


def _is_secret(name: str) -> bool:
    field = configuration.Settings.model_fields.get(name.lower())
    return field is not None and "SecretStr" in str(field.annotation)


def _tokens(context: Context) -> Iterator[Finding]:
    settings = context.settings
    secret = settings.jwt_secret
    if settings.jwt_jwks_url is not None:
        unset = [n for n in ("JWT_ISSUER", "JWT_AUDIENCE") if not getattr(settings, n.lower())]
        if unset:
            yield warning(
                "settings.tokens",
                f"{' and '.join(unset)} unset: tokens that the key set's owner made for others "
                "are taken, too",
                f"set {' and '.join(unset)}",
            )
    elif secret is not None and len(secret.get_secret_value().encode()) < SHORTEST_SECRET:
        yield warning(
            "settings.tokens",
            f"JWT_SECRET is shorter than {SHORTEST_SECRET} bytes, it can be guessed",
            "make a new one: `openssl rand -hex 32`",
        )
    if settings.jwt_jwks_url is None and context.is_exposed:
        made = "the development secret under DATA_DIR" if secret is None else "JWT_SECRET"
        yield warning(
            "settings.tokens",
            f"other machines reach HOST={settings.host}, and whoever reads {made} can sign "
            "tokens of any user",
            "set JWT_JWKS_URL to your identity provider's key set",
        )


def _exposure(context: Context) -> Iterator[Finding]:
    settings = context.settings
    if not context.is_exposed:
        return
    if settings.rate_limit == "off":
        yield warning(
            "settings.RATE_LIMIT", f"off, and other machines reach HOST={settings.host}",
            "set a rate such as RATE_LIMIT=600/minute",
        )  # fmt: skip
    if settings.log_level == "debug":
        yield warning("settings.LOG_LEVEL", "debug, on a machine that others reach", "set info")
    if settings.database_url is None:
        yield warning(
            "settings.DATABASE_URL",
            "unset: the data is in the embedded PostgreSQL, on this one disk",
            f"set it to a server that is backed up, or back {settings.data_dir} up",
        )


def _plain_text(context: Context) -> Iterator[Finding]:
    """Checks for URLs without TLS. PostgreSQL itself reports its own."""
    for name in ("REDIS_URL", "OPENSEARCH_URL", "S3_ENDPOINT_URL", "JWT_JWKS_URL"):
        value: SecretStr | None = getattr(context.settings, name.lower())
        if value is None:
            continue
        url = value.get_secret_value()
        if url.startswith(("redis://", "http://")) and is_remote(url):
            yield warning(
                f"settings.{name}", f"{place(url)} is asked without TLS",
                f"use {'rediss' if name == 'REDIS_URL' else 'https'}://, or a network of your own",
            )  # fmt: skip
