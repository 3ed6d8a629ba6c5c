"""Example users of a development instance. The pages offer their tokens to local readers."""

from urllib.parse import urlsplit

from starlette.requests import Request

from common import settings
from service.http import context


def of(request: Request) -> tuple[settings.Example, ...]:
    """Returns the example users if the Host header is a loopback name, else none.

    A loopback name keeps other sites from reading the tokens by DNS rebinding (rule 00.20).
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ()
    return context.of(request.scope).settings.example_users if settings.is_loopback(host) else ()
