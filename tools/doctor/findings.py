"""Findings of the doctor, and the input of its checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from common import settings as configuration
from tools.instance import probes

TIMEOUT_SECONDS: Final = 5  # of an answer by a store

Status = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True)
class Finding:
    """Result of a check, with a remedy unless it is ok."""

    check: str
    status: Status
    found: str
    todo: str | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """Input of the checks: settings, and the URLs of stores that are configured or running."""

    settings: configuration.Settings
    urls: Mapping[str, str]
    deep: bool = False

    def url(self, variable: str) -> str | None:
        """Returns the URL of a store; None for an embedded one that does not run."""
        return self.urls.get(variable)

    def is_configured(self, variable: str) -> bool:
        """Returns whether the settings name the store, so that it is not embedded."""
        return getattr(self.settings, variable.lower()) is not None

    @property
    def is_exposed(self) -> bool:
        """Returns whether other machines reach the API."""
        return not configuration.is_loopback(self.settings.host)


def ok(check: str, found: str) -> Finding:
    return Finding(check, "ok", found)


def warning(check: str, found: str, todo: str) -> Finding:
    return Finding(check, "warning", found, todo)


def failure(check: str, found: str, todo: str) -> Finding:
    return Finding(check, "failure", found, todo)


def skipped(check: str, found: str) -> Finding:
    return Finding(check, "skipped", found)


def graded(
    check: str, found: str, todo: str, *, fails: bool = False, warns: bool = False
) -> Finding:
    """Returns a failure, a warning or, when neither applies, an ok without a remedy."""
    if fails:
        return failure(check, found, todo)
    return warning(check, found, todo) if warns else ok(check, found)


def not_started(check: str, variable: str) -> Finding:
    """Returns the finding for an embedded store that does not run."""
    return skipped(check, f"Not started. `communities run` starts it, because {variable} is unset.")


def unreachable(check: str, variable: str, url: str, error: BaseException, todo: str) -> Finding:
    """Returns the finding for a store that does not answer."""
    reason = probes.reason(error, url)
    return failure(check, f"{variable}: cannot use {probes.address(url)}: {reason}", todo)


def is_remote(url: str) -> bool:
    return not configuration.is_loopback(urlsplit(url).hostname or "localhost")


def version(text: str) -> tuple[int, int]:
    """Returns the first two numbers of a version."""
    major, minor, *_ = [*text.split("."), "0"]
    return int(major), int(minor)
