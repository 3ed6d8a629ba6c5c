"""Pages /openapi.json and /docs. The latter shows Swagger UI without resources of other sites."""

import asyncio
import functools
import html
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from service.http import problems
from service.reference import example_users, openapi

_FILES: Final = Path(__file__).parents[2] / "web" / "docs"
_OWN_FILES: Final = ("docs.css", "docs.js")
_SWAGGER_FILES: Final = ("favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css")
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def routes(documented: Sequence[BaseRoute]) -> list[Route]:
    """Returns the routes of the document of these routes, and of its page."""
    document = functools.cache(lambda: openapi.document(documented))

    async def answer_document(_request: Request) -> Response:
        # Built at the first request, in a thread because it is slow.
        return Response(await asyncio.to_thread(document), media_type="application/json")

    return [
        Route("/openapi.json", answer_document, include_in_schema=False),
        Route("/docs", show_page, include_in_schema=False),
        Route("/docs/{file}", show_file, include_in_schema=False),
    ]


async def show_page(request: Request) -> Response:
    """Answers GET /docs. A development instance includes a token for local readers."""
    examples = example_users.of(request)
    given = examples[0].token.get_secret_value() if examples else ""
    text = (_FILES / "docs.html").read_text().replace("{{token}}", html.escape(given))
    return HTMLResponse(
        text, headers={"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
    )


async def show_file(request: Request) -> Response:
    """Answers GET /docs/… with a file of the page."""
    name = request.path_params["file"]
    if name in _OWN_FILES:
        return FileResponse(_FILES / name)
    if name in _SWAGGER_FILES:
        return FileResponse(_swagger() / name)
    raise problems.not_found()


@functools.cache
def _swagger() -> Path:
    # Located without an import, which would import Flask.
    found = importlib.util.find_spec("flask_swagger_ui")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "dist"
