"""The page at /: a client of the public API and the sockets, served as static files."""

import functools
import html
import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from service.http import context, problems
from service.reference import example_users

_FILES: Final = Path(__file__).parents[2] / "web"
_DOCS: Final = _FILES / "docs"  # served by service/reference/docs_page.py
_SERVED_SUFFIXES: Final = frozenset({".css", ".js", ".svg"})


def routes() -> list[Route]:
    """Returns the routes of the page and its files."""
    return [
        Route("/", show_page, include_in_schema=False),
        Route("/page/{file:path}", show_file, include_in_schema=False),
    ]


async def show_page(request: Request) -> Response:
    """Answers GET /. A development instance includes its example users for local readers."""
    _check_enabled(request)
    users = [
        {"name": each.name, "id": str(each.id), "token": each.token.get_secret_value()}
        for each in example_users.of(request)
    ]
    text = (
        (_FILES / "page.html").read_text().replace("{{examples}}", html.escape(json.dumps(users)))
    )
    store = context.of(request.scope).settings.s3_endpoint_url.get_secret_value()
    return HTMLResponse(
        text,
        headers={"content-security-policy": _policy(store), "referrer-policy": "no-referrer"},
    )


async def show_file(request: Request) -> Response:
    """Answers GET /page/… with a file of the page."""
    _check_enabled(request)
    path = request.path_params["file"]
    # The path is compared with the known files and never resolved, so `..` leads nowhere.
    if path not in _files():
        raise problems.not_found()
    return FileResponse(_FILES / path)


def _check_enabled(request: Request) -> None:
    if not context.of(request.scope).settings.live_page:
        raise problems.not_found()


@functools.cache
def _files() -> frozenset[str]:
    """Returns the paths of the page's files, relative to `web/`."""
    return frozenset(
        file.relative_to(_FILES).as_posix()
        for file in _FILES.rglob("*")
        if file.suffix in _SERVED_SUFFIXES and _DOCS not in file.parents
    )


@functools.cache
def _policy(store: str) -> str:
    """Returns the Content-Security-Policy: own files, the API, and pictures in S3."""
    parts = urlsplit(store)
    host = parts.netloc.rpartition("@")[2]
    pictures = f"{parts.scheme}://{host}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {pictures}",
            f"media-src {pictures}",
            # Sockets are on the same host.
            f"connect-src 'self' {pictures}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # The browser refuses to turn text into HTML.
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
