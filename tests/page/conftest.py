"""Site of the web page: a service, its workers, the example data, and a browser."""

import json
import secrets
from collections.abc import Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from playwright import sync_api

from common.settings import Settings
from development import browser as browsers
from tests.conftest import own_stores
from tests.support import servers
from tools import seed
from tools.failure import Failure
from tools.instance import stack

# What Chromium says of an answer that is an error, or of a server that is away.
EXPECTED = ("Failed to load resource", "WebSocket connection to")
TIMEOUT_MS = 60_000.0  # for a busy machine
DESKTOP: sync_api.ViewportSize = {"width": 1280, "height": 860}
PHONE: sync_api.ViewportSize = {"width": 390, "height": 800}


@dataclass
class Visitor:
    """User at the page, with the errors that the browser logged."""

    page: sync_api.Page
    service: servers.Service
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Goes to an address of the page, as by typing it."""
        self.page.goto(f"{self.service.origin}/{path}")

    def button(self, name: str) -> sync_api.Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> sync_api.Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def sees(self, text: str, *, inside: str = "main") -> sync_api.Locator:
        """Waits until a text is to be seen."""
        found = self.page.locator(inside).get_by_text(text).first
        sync_api.expect(found).to_be_visible()
        return found

    def post(self, title: str) -> sync_api.Locator:
        """Returns the card of a post in a feed, by its title or text."""
        return self.page.locator("article.post", has_text=title)

    def chooses(self, anchor: sync_api.Locator, item: str) -> None:
        """Opens the menu of something and takes an item."""
        anchor.get_by_role("button", name="Actions for").first.click()
        self.page.get_by_role("menuitem", name=item).click()


@dataclass
class Site:
    """A service on stores of its own, and who uses it."""

    service: servers.Service
    browser: sync_api.Browser
    secret: str
    visitors: list[Visitor] = field(default_factory=list)
    contexts: list[sync_api.BrowserContext] = field(default_factory=list)

    def client(self, name: str) -> httpx.Client:
        """Returns the API as an example user."""
        return self.service.client(dict(seed.USERS)[name])

    def group(self, owner: str, visibility: str = "public", **members: str) -> str:
        """Returns a new group with some members, and its id."""
        with self.client(owner) as client:
            body = {"name": f"Group {secrets.token_hex(4)}", "visibility": visibility}
            group_id = str(done(client.post("/groups", json=body))["id"])
            for name, role in members.items():
                path = f"/groups/{group_id}/members/{dict(seed.USERS)[name]}"
                done(client.put(path, json={"role": role}))
        return group_id

    def post(self, author: str, group_id: str, body: str, **given: Any) -> str:
        with self.client(author) as client:
            path = f"/groups/{group_id}/posts"
            return str(done(client.post(path, json={"body": body, **given}))["id"])

    def visit(self, name: str | None = None, path: str = "#/", **options: Any) -> Visitor:
        """Opens the page in a browser of its own, signed in by pressing a name."""
        context = self.browser.new_context(**{"viewport": DESKTOP, **options})
        context.set_default_timeout(TIMEOUT_MS)
        self.contexts.append(context)
        page = context.new_page()
        visitor = Visitor(page, self.service)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on("console", lambda message: _note(visitor, message))
        self.visitors.append(visitor)
        if name is not None:
            visitor.go("#/sign-in")
            visitor.button(name).click()
            page.wait_for_url("**/#/?mine=true")
        visitor.go(path)
        return visitor

    def close(self) -> None:
        """Ends all visits, none of which may have seen the browser complain."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        complaints = [each for visitor in self.visitors for each in visitor.complaints]
        self.visitors.clear()
        assert complaints == []


def _note(visitor: Visitor, message: sync_api.ConsoleMessage) -> None:
    if message.type in ("error", "warning") and not message.text.startswith(EXPECTED):
        visitor.complaints.append(message.text)


def done(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json() if response.content else None


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def viewport(request: pytest.FixtureRequest) -> sync_api.ViewportSize:
    size: sync_api.ViewportSize = request.param
    return size


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    sync_api.expect.set_options(timeout=TIMEOUT_MS)
    try:
        browsers.program()
    except Failure as failure:
        pytest.fail(str(failure), pytrace=False)
    with browsers.opened() as browser:
        yield browser


@contextmanager
def sites(
    test_stack: stack.Stack, template: str, folder: Path, chromium: sync_api.Browser, **given: str
) -> Iterator[Site]:
    """Runs a site with the example data."""
    secret = secrets.token_hex(32)
    with own_stores(test_stack, template, folder) as stores, ExitStack() as last:
        # Elsewhere: the browser's driver has the event loop of this thread.
        last.callback(lambda: futures.ThreadPoolExecutor().submit(stores.index.drop).result())
        put = seed.bucket(Settings(_env_file=None), test_stack.urls)
        seed.seed(stores.database.url, put=put)
        service = stores.run_service(JWT_SECRET=secret, EXAMPLE_USERS=examples(secret), **given)
        stores.run_worker("relay")
        indexer = stores.run_worker("indexer")
        last.callback(indexer.stop)
        yield Site(service, chromium, secret)


def examples(secret: str) -> str:
    """Returns the example users, as `make run` hands them to the service."""
    return json.dumps(
        [
            {
                "name": name,
                "id": str(user),
                "token": jwt.encode({"sub": str(user), "exp": 2**33}, secret, algorithm="HS256"),
            }
            for name, user in seed.USERS
        ]
    )


@pytest.fixture(scope="module")
def shared_site(
    test_stack: stack.Stack,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: sync_api.Browser,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("page")
    with sites(test_stack, template, folder, chromium) as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """Returns the site that the tests of a module share; each opens its own browsers."""
    yield shared_site
    shared_site.close()
