"""A finding of the doctor, and what the doctor knows while it looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from common import settings as configuration
from tools.instance import probes

# A store that has not answered by then doesn't answer; seconds.
TIMEOUT_SECONDS: Final = 5

Status = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Result of a check, with a remedy unless it is ok."""

    check: str
    status: Status
    found: str
    todo: str | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """The settings, the addresses of what is configured or up, and how deep to look."""

    settings: configuration.Settings
    urls: Mapping[str, str]
    deep: bool = False

    def url(self, variable: str) -> str | None:
        """Returns the address of a store; None where it is an embedded part that isn't up."""
        return self.urls.get(variable)

    def is_configured(self, variable: str) -> bool:
        """Returns whether the store is a real one rather than an embedded part."""
        return getattr(self.settings, variable.lower()) is not None

    @property
    def is_exposed(self) -> bool:
        """Returns whether other machines reach the API."""
        return not configuration.is_loopback(self.settings.host)


def ok(check: str, found: str) -> Finding:
    return Finding(check=check, status="ok", found=found)


def warning(check: str, found: str, todo: str) -> Finding:
    return Finding(check=check, status="warning", found=found, todo=todo)


def failure(check: str, found: str, todo: str) -> Finding:
    return Finding(check=check, status="failure", found=found, todo=todo)


def skipped(check: str, found: str) -> Finding:
    return Finding(check=check, status="skipped", found=found)


def not_started(check: str, variable: str) -> Finding:
    """Returns the finding of an embedded part that is not started."""
    return skipped(
        check, f"not started: it is embedded ({variable} is unset), `communities run` starts it"
    )


def unreachable(check: str, variable: str, url: str, error: BaseException, todo: str) -> Finding:
    """Returns the finding of a store that fails to answer."""
    return failure(
        check, f"{variable}: {place(url)} can't be used: {probes.reason(error, url)}", todo
    )


def place(url: str) -> str:
    """Returns the address of a URL, without its credentials."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def is_remote(url: str) -> bool:
    return not configuration.is_loopback(urlsplit(url).hostname or "localhost")


def version(text: str) -> tuple[int, ...]:
    """Returns the numbers at the head of a version."""
    numbers = []
    for part in text.split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
