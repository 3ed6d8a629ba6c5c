"""Use of /docs: reading, and trying operations out."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright import sync_api

from tests import conftest
from tests.page import axe
from tests.page.conftest import DESKTOP, TIMEOUT_MS, examples
from tests.support import servers

expect = sync_api.expect


@pytest.fixture
def service(run_service: conftest.ServiceFactory) -> servers.Service:
    secret = secrets.token_hex(32)
    return run_service(JWT_SECRET=secret, EXAMPLE_USERS=examples(secret))


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Yields what the browser complains of, which has to be nothing."""
    noted: list[str] = []
    yield noted
    assert noted == []


def visit(
    chromium: sync_api.Browser,
    service: servers.Service,
    complaints: list[str],
    scheme: str = "light",
    viewport: sync_api.ViewportSize = DESKTOP,
) -> sync_api.Page:
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": viewport}
    page = chromium.new_page(reduced_motion="reduce", **options)
    page.set_default_timeout(TIMEOUT_MS)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: note(complaints, message))
    page.goto(f"{service.origin}/docs")
    expect(page.locator("#signed-in")).to_be_visible()
    page.locator(".opblock").first.wait_for()
    return page


def note(complaints: list[str], message: sync_api.ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        complaints.append(message.text)


def tries(page: sync_api.Page, operation: str, body: object = None) -> sync_api.Locator:
    """Runs an operation by its buttons. Returns its part of the page."""
    block = page.locator(f'.opblock[id$="-{operation}"]')
    block.locator("button.opblock-summary-control").click()
    if body is not None:
        block.get_by_label("Body").fill(json.dumps(body))
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table").wait_for()
    return block


@pytest.mark.slow
def test_docs_page_tries_a_get_and_a_post_with_the_filled_in_token(
    chromium: sync_api.Browser, service: servers.Service, complaints: list[str]
) -> None:
    page = visit(chromium, service, complaints)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    name = f"Made at /docs {secrets.token_hex(4)}"
    made = tries(page, "create_group", {"name": name, "visibility": "secret"})
    answer = made.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    expect(answer).to_contain_text(name)
    # Only its owner sees the group, so this request has the token too.
    found = tries(page, "list_groups").locator(".live-responses-table .response").first
    expect(found.locator(".response-col_status")).to_contain_text("200")
    expect(found).to_contain_text(name)
    expect(page).to_have_url(re.compile("/docs#/groups/list_groups$"))
    assert all(url.startswith(f"{service.origin}/") for url in asked)
    page.close()


@pytest.mark.slow
def test_docs_page_is_accessible(
    chromium: sync_api.Browser,
    service: servers.Service,
    complaints: list[str],
    scheme: str,
    viewport: sync_api.ViewportSize,
) -> None:
    page = visit(chromium, service, complaints, scheme, viewport)
    wide = "document.documentElement.scrollWidth"
    assert axe.violations(page) == []
    assert page.evaluate(wide) <= viewport["width"]
    tries(page, "create_group", {"name": "Readers", "visibility": "public"})
    tries(page, "list_groups")
    assert axe.violations(page) == []
    assert page.evaluate(wide) <= viewport["width"]
    page.close()
