"""The round that the doctor makes, topic by topic."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import SecretStr, ValidationError

from common import settings as configuration
from tools import progress
from tools.doctor import (
    database,
    findings,
    index,
    instance,
    machine,
    objects,
    streams,
    tokens,
    variables,
)
from tools.doctor.findings import Context, Finding
from tools.instance import probes, stack

Topic = Callable[[Context], Iterator[Finding]]

TOPICS: Final[tuple[tuple[str, Topic], ...]] = (
    ("packages", machine.look_at_packages),
    ("settings", variables.look),
    ("data", machine.look_at_data),
    ("postgres", database.look),
    ("redis", streams.look),
    ("opensearch", index.look),
    ("s3", objects.look),
    ("tokens", tokens.look),
    ("instance", instance.look),
    ("outbox", database.look_at_outbox),
    ("sweeper", database.look_at_sweeper),
    ("counters", database.look_at_counters),
)


def look(deep: bool = False) -> Iterator[Finding]:
    """Yields every finding, as soon as it is there."""
    yield from machine.look_at_python()
    try:
        # Not by load(): it would make a secret where there is none.
        settings = configuration.Settings()
    except ValidationError as error:
        for problem in configuration.problems(error):
            yield findings.failure("settings", problem, "correct it in the environment or .env")
        yield findings.skipped("all else", "not looked at before the settings are good")
        return
    try:
        urls = _urls(settings)
    except OSError as error:
        yield findings.failure(
            "data.stack",
            f"{error.filename}: {error.strerror}",
            "run this as the user that owns DATA_DIR",
        )
        return
    context = Context(settings=settings, urls=urls, deep=deep)
    secrets = _secrets(context)
    for name, topic in TOPICS:
        with progress.busy(name):
            found = [_without(secrets, finding) for finding in _looked(name, topic, context)]
        yield from found


def _looked(name: str, topic: Topic, context: Context) -> Iterator[Finding]:
    try:
        yield from topic(context)
    except Exception as error:  # each driver has its own; what one topic meets spoils no other
        reason = probes.reason(error, "")
        yield findings.failure(
            name, f"{type(error).__name__}: {reason}", "mend this, and ask the doctor again"
        )


def _urls(settings: configuration.Settings) -> dict[str, str]:
    urls = dict(stack.present(settings))
    for variable in (*stack.VARIABLES.values(), "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        value: SecretStr | None = getattr(settings, variable.lower())
        if value is not None:
            urls[variable] = value.get_secret_value()
    return urls


def _secrets(context: Context) -> list[str]:
    """Returns what no finding may hold: secrets, and the passwords of URLs."""
    given = [
        value.get_secret_value()
        for value in context.settings.model_dump().values()
        if isinstance(value, SecretStr)
    ]
    known = [*given, *context.urls.values()]
    passwords = [part for url in known for part in probes.passwords(url)]
    keys = [value for name, value in context.urls.items() if name.startswith("S3_")]
    secret = context.settings.jwt_secret
    plain = [secret.get_secret_value()] if secret is not None else []
    plain += [key for key in keys if "://" not in key]
    return sorted({text for text in passwords + plain if text}, key=len, reverse=True)


def _without(secrets: list[str], finding: Finding) -> Finding:
    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    todo = clean(finding.todo) if finding.todo is not None else None
    return dataclasses.replace(finding, found=clean(finding.found), todo=todo)
