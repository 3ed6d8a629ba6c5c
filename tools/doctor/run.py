"""Runs the checks, topic by topic."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import SecretStr, ValidationError

from common import settings as configuration
from tools import progress
from tools.doctor import (
    bucket,
    instance,
    jwt_keys,
    machine,
    opensearch,
    postgres,
    redis_server,
    rows,
    variables,
)
from tools.doctor.findings import Context, Finding, failure, skipped
from tools.instance import probes, stack

Topic = Callable[[Context], Iterator[Finding]]

TOPICS: Final[dict[str, Topic]] = {
    "packages": machine.check_packages,
    "settings": variables.check,
    "data": machine.check_data,
    "postgres": postgres.check,
    "redis": redis_server.check,
    "opensearch": opensearch.check,
    "s3": bucket.check,
    "tokens": jwt_keys.check,
    "instance": instance.check,
    "outbox": rows.check_outbox,
    "sweeper": rows.check_sweeper,
    "counters": rows.check_counters,
}


def run(deep: bool = False) -> Iterator[Finding]:
    """Yields every finding. `deep` counts every counter again."""
    yield machine.check_python()
    try:
        # load() would create a missing secret.
        settings = configuration.Settings()
    except ValidationError as error:
        for problem in configuration.problems(error):
            yield failure("settings", problem, "Correct it in the environment or in .env.")
        yield skipped("others", "Not checked, because settings are invalid.")
        return
    try:
        urls = _urls(settings)
    except OSError as error:
        todo = "Run this as the user that owns DATA_DIR."
        yield failure("data.stack", f"{error.filename}: {error.strerror}", todo)
        return
    context = Context(settings=settings, urls=urls, deep=deep)
    secrets = _secrets(context)
    for name, topic in TOPICS.items():
        with progress.busy(name):
            found = [_without(secrets, finding) for finding in _run(name, topic, context)]
        yield from found


def _run(name: str, topic: Topic, context: Context) -> Iterator[Finding]:
    try:
        yield from topic(context)
    except Exception as error:  # each driver has its own; the other topics still run
        reason = probes.reason(error, "")
        yield failure(name, f"{type(error).__name__}: {reason}", "Correct this, and run it again.")


def _urls(settings: configuration.Settings) -> dict[str, str]:
    """Returns the URLs and keys of stores that are configured or running."""
    urls = dict(stack.present(settings))
    for variable in (*stack.VARIABLES.values(), "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        value: SecretStr | None = getattr(settings, variable.lower())
        if value is not None:
            urls[variable] = value.get_secret_value()
    return urls


def _secrets(context: Context) -> list[str]:
    """Returns every secret and every password in a URL, the longest first."""
    fields = context.settings.model_dump().values()
    given = {value.get_secret_value() for value in fields if isinstance(value, SecretStr)}
    values = given | set(context.urls.values())
    passwords = {password for url in values for password in probes.passwords(url)}
    plain = {value for value in values if "://" not in value}
    return sorted((passwords | plain) - {""}, key=len, reverse=True)


def _without(secrets: list[str], finding: Finding) -> Finding:
    """Returns the finding with each secret replaced."""

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    todo = clean(finding.todo) if finding.todo is not None else None
    return dataclasses.replace(finding, found=clean(finding.found), todo=todo)
