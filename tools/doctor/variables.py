"""Settings: their sources, and those that are unsafe where other machines reach the API."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import dotenv
from pydantic import SecretStr

from common import settings as configuration
from tools import output
from tools.doctor.findings import Context, Finding, is_remote, ok, warning
from tools.instance import probes

MIN_SECRET_BYTES: Final = 32  # as RFC 7518 demands for HS256
FILE: Final = Path(".env")


def check(context: Context) -> Iterator[Finding]:
    """Yields the findings of the settings."""
    written = dotenv.dotenv_values(FILE) if FILE.is_file() else {}
    written = {name.upper(): value for name, value in written.items()}
    yield from _sources(context.settings, written)
    yield from _file(written)
    yield from _tokens(context)
    yield from _exposure(context)
    yield from _plain_text(context)
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    servers = context.settings.web_concurrency
    if servers > 2 * cores:
        found = f"{servers} server processes on {output.counted(cores, 'core')}."
        yield warning("settings.WEB_CONCURRENCY", found, "Set it to the number of cores at most.")


def _sources(
    settings: configuration.Settings, written: Mapping[str, str | None]
) -> Iterator[Finding]:
    """Yields the value and the source of each setting. An empty variable counts as unset."""
    environment = {key.upper() for key, value in os.environ.items() if value}
    given = environment | {name for name, value in written.items() if value}
    for name in configuration.names():
        if name in given:
            source = "the environment" if name in environment else FILE
            value = _shown(getattr(settings, name.lower()))
            yield ok(f"settings.{name}", f"{value}, from {source}")
    defaults = len(set(configuration.names()) - given)
    yield ok("settings", f"{defaults} others have their defaults.")


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return probes.address(text) if "://" in text else "set"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _file(written: Mapping[str, str | None]) -> Iterator[Finding]:
    if unknown := ", ".join(sorted({*written} - {*configuration.names(), "EXAMPLE_USERS"})):
        todo = "Look up the names in .env.example."
        yield warning("settings.unknown", f"{FILE} has unknown settings: {unknown}.", todo)
    held = ", ".join(name for name, value in written.items() if value and _is_secret(name))
    if held and stat.S_IMODE(FILE.stat().st_mode) & 0o077:
        yield warning(
            "settings.file", f"Other users can read {held} in {FILE}.", f"chmod 600 {FILE}"
        )


def _is_secret(name: str) -> bool:
    field = configuration.Settings.model_fields.get(name.lower())
    return field is not None and "SecretStr" in str(field.annotation)


def _tokens(context: Context) -> Iterator[Finding]:
    settings, name = context.settings, "settings.tokens"
    if settings.jwt_jwks_url is not None:
        claims = ("JWT_ISSUER", "JWT_AUDIENCE")
        if unset := " and ".join(each for each in claims if not getattr(settings, each.lower())):
            found = f"{unset} unset: tokens for other services of the identity provider are valid."
            yield warning(name, found, f"Set {unset}.")
        return
    secret = settings.jwt_secret
    if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        found = f"JWT_SECRET has fewer than {MIN_SECRET_BYTES} bytes and can be guessed."
        yield warning(name, found, "Create a new one: `openssl rand -hex 32`.")
    if context.is_exposed:
        source = "the development secret in DATA_DIR" if secret is None else "JWT_SECRET"
        found = f"Other machines reach HOST={settings.host}. {source} signs tokens of any user."
        yield warning(name, found, "Set JWT_JWKS_URL to the key set of an identity provider.")


def _exposure(context: Context) -> Iterator[Finding]:
    settings = context.settings
    if not context.is_exposed:
        return
    if settings.rate_limit == "off":
        found = f"off, although other machines reach HOST={settings.host}."
        yield warning("settings.RATE_LIMIT", found, "Set a rate such as RATE_LIMIT=600/minute.")
    if settings.log_level == "debug":
        yield warning("settings.LOG_LEVEL", "debug, although other machines reach it.", "Set info.")
    if settings.database_url is None:
        todo = f"Set it to a server that is backed up, or back up {settings.data_dir}."
        yield warning("settings.DATABASE_URL", "unset: the data is on this disk only.", todo)


def _plain_text(context: Context) -> Iterator[Finding]:
    """Yields the URLs without TLS. PostgreSQL has a check of its own."""
    for name in ("REDIS_URL", "OPENSEARCH_URL", "S3_ENDPOINT_URL", "JWT_JWKS_URL"):
        value: SecretStr | None = getattr(context.settings, name.lower())
        url = value.get_secret_value() if value is not None else ""
        if url.startswith(("redis://", "http://")) and is_remote(url):
            scheme = "rediss" if name == "REDIS_URL" else "https"
            todo = f"Use {scheme}://, or a private network."
            yield warning(f"settings.{name}", f"{probes.address(url)} is used without TLS.", todo)
