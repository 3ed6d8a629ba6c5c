"""Story of two users of a real `make run`: a post with a picture, and a ban."""

import asyncio
import re
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import Bucket
from tests.support import api_client, checkouts, sockets
from tools.instance import stack
from tools.seed import example_data

PICTURE = (example_data.FOLDER / "pictures" / "campus-commons.png").read_bytes()
SEARCH_TERM = "kingfisher"
TIMEOUT_SECONDS = 30.0
SERVERS = 2


@dataclass
class Browser:
    """Client of a user that sends requests to any server process and holds open sockets."""

    origin: str
    user: str
    token: str
    namespaces: list[sockets.Client] = field(default_factory=list)
    _http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{self.origin}{api_client.BASE}",
            headers={"Authorization": f"Bearer {self.token}"},
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=TIMEOUT_SECONDS,
        )

    async def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        return await self._http.request(method, path, **given)

    async def get(self, path: str, **given: Any) -> Any:
        response = await self.request("GET", path, **given)
        assert response.is_success, response.text
        return response.json()

    async def post(self, path: str, **body: Any) -> Any:
        response = await self.request("POST", path, json=body)
        assert response.is_success, response.text
        return response.json()

    async def refusal(self, method: str, path: str, **given: Any) -> tuple[int, str]:
        response = await self.request(method, path, **given)
        return response.status_code, response.json()["code"]

    async def finds(self, text: str) -> list[str]:
        """Returns the ids of the posts that search finds."""
        page = await self.get("/search", params={"q": text, "type": "post"})
        return [hit["post"]["id"] for hit in page["items"]]

    async def listen(self, group: str, last: str | None = None) -> sockets.Client:
        """Connects to the group after the given event. Returns the client."""
        socket = sockets.Client(self.origin, f"/groups/{group}", self.token, last)
        self.namespaces.append(socket)
        return await socket.connect()

    async def disconnect(self) -> None:
        """Closes all sockets."""
        for socket in self.namespaces:
            await socket.close()
        self.namespaces.clear()

    async def close(self) -> None:
        await self.disconnect()
        await self._http.aclose()


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[checkouts.Checkout]:
    checkout = checkouts.real(tmp_path / "checkout")
    yield checkout
    checkout.close()


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> dict[str, str]:
    """Returns the settings of real stores, or none without --real."""
    if not request.config.getoption("real"):
        return {}
    running: stack.Stack = request.getfixturevalue("test_stack")
    bucket: Bucket = request.getfixturevalue("bucket")
    urls = {name: url for name, url in running.urls.items() if name != "DATABASE_URL"}
    redis_url: str = request.getfixturevalue("redis_url")
    index = f"story_{secrets.token_hex(8)}"
    return {**urls, "REDIS_URL": redis_url, "S3_BUCKET": bucket.name, "SEARCH_INDEX": index}


@pytest.mark.slow
async def test_banned_user_loses_posts_events_and_search_results(
    checkout: checkouts.Checkout, stores: dict[str, str]
) -> None:
    run = checkout.run(WEB_CONCURRENCY=str(SERVERS), **stores)
    welcome = await asyncio.to_thread(run.wait_until_it_serves)
    async with browsers(run.origin, welcome) as (ada, ben):
        assert checkout.tool("token", ben.user).stdout.count(".") == 2
        group = await private_group(ada, ben)
        await listen_at_every_process(checkout, run, ben, group)
        post = await post_with_picture(ada, ben, group)
        await check_shown_and_found(ben, post)
        witness = await ada.listen(group)
        await ban(ada, ben, group)
        await check_no_access(ada, ben, group, post, witness)
    # SIGTERM goes to one process, which ends all others.
    run.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(run.wait) == 0
    assert checkout.nothing_runs()
    assert run.text.endswith("Ctrl-C stops everything.\nstopped\n")
    check_logs(checkout)


@asynccontextmanager
async def browsers(origin: str, welcome: str) -> AsyncIterator[tuple[Browser, Browser]]:
    """Yields clients of Ada and Ben, with the tokens that `make run` has printed."""
    both = []
    for name in ("Ada", "Ben"):
        found = re.search(rf"^  {name} \((\S+)\)\n(\S+)$", welcome, re.MULTILINE)
        assert found is not None
        both.append(Browser(origin, found[1], found[2]))
    try:
        yield both[0], both[1]
    finally:
        for browser in both:
            await browser.close()


async def private_group(ada: Browser, ben: Browser) -> str:
    """Returns the id of Ada's private group, which Ben has joined by request."""
    group = await ada.post("/groups", name="Birds at dawn", visibility="private")
    path = f"/groups/{group['id']}"
    assert await ben.refusal("GET", f"{path}/posts") == (403, "forbidden")
    await ben.post(f"{path}/join")
    await ada.post(f"{path}/join-requests/{ben.user}/approve")
    return str(group["id"])


async def listen_at_every_process(
    checkout: checkouts.Checkout, run: checkouts.Run, browser: Browser, group: str
) -> None:
    """Opens sockets until each server process has one."""
    head = checkout.record("service").process()
    assert head is not None
    port = int(run.origin.rpartition(":")[2])
    for _ in range(50):
        await browser.listen(group)
        if sum(has_connection(process, port) for process in head.children()) == SERVERS:
            return
    raise AssertionError("one process has all sockets")


def has_connection(server: psutil.Process, port: int) -> bool:
    connections = server.net_connections("tcp")
    return any(one.status == "ESTABLISHED" and one.laddr.port == port for one in connections)


async def post_with_picture(ada: Browser, ben: Browser, group: str) -> str:
    """Posts as Ada, and adds a picture while Ben is disconnected. Returns the id of the post."""
    post = await ada.post(
        f"/groups/{group}/posts", title="Seen", body=f"A {SEARCH_TERM} by the weir."
    )
    for page in ben.namespaces:
        received = await page.receives("post.created")
        assert received["data"]["body"] == post["body"]
        assert received["actor_id"] == ada.user
    last = received["event_id"]
    count = len(ben.namespaces)
    await ben.disconnect()
    picture = await link_picture(ada, post["id"])
    pages = [await ben.listen(group, last) for _ in range(count)]
    for page in pages:
        await page.receives("attachment.added")
        # A resumed socket receives only the events after the last one.
        assert page.types == ["attachment.added"]
        (added,) = page.payloads("attachment.added")
        assert added["data"]["id"] == picture["id"]
        assert added["post_id"] == post["id"]
        assert int(added["event_id"].removesuffix("-0")) > int(last.removesuffix("-0"))
    return str(post["id"])


async def link_picture(ada: Browser, post: str) -> Any:
    upload = await ada.post(
        "/uploads/presign", purpose="post", mime="image/png", size_bytes=len(PICTURE)
    )
    async with httpx.AsyncClient() as store:
        put = await store.put(upload["url"], content=PICTURE, headers=upload["headers"])
    assert put.is_success, put.text
    return await ada.post(
        "/attachments",
        key=upload["key"],
        subject_type="post",
        subject_id=post,
        width=192,
        height=192,
    )


async def check_shown_and_found(ben: Browser, post: str) -> None:
    shown = await ben.get(f"/posts/{post}")
    (media,) = shown["media"]
    async with httpx.AsyncClient() as store:
        fetched = await store.get(media["url"])
    assert fetched.content == PICTURE
    assert fetched.headers["content-type"] == "image/png"
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await ben.finds(SEARCH_TERM) != [post]:  # noqa: ASYNC110  no notification
            await asyncio.sleep(0.1)


async def ban(ada: Browser, ben: Browser, group: str) -> None:
    banned = await ada.request("PUT", f"/groups/{group}/members/{ben.user}/ban", json={})
    assert banned.json()["is_banned"]
    for page in ben.namespaces:
        await page.until_disconnected(TIMEOUT_SECONDS)


async def check_no_access(
    ada: Browser, ben: Browser, group: str, post: str, witness: sockets.Client
) -> None:
    """Asserts that Ben, unlike Ada, receives, reads and finds nothing of the group."""
    received = [page.ids for page in ben.namespaces]
    later = await ada.post(f"/groups/{group}/posts", body=f"Another {SEARCH_TERM}.")
    await witness.receives("post.created")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while set(await ada.finds(SEARCH_TERM)) != {post, later["id"]}:  # noqa: ASYNC110  no notification
            await asyncio.sleep(0.1)
    assert [page.ids for page in ben.namespaces] == received
    assert all(page.types == ["attachment.added"] for page in ben.namespaces)
    for _ in range(3 * SERVERS):
        assert await ben.finds(SEARCH_TERM) == []
        assert await ben.refusal("GET", f"/groups/{group}/posts") == (403, "forbidden")
        assert await ben.refusal("GET", f"/posts/{post}") == (404, "not_found")
        again = {"json": {"body": "Let me in"}}
        assert await ben.refusal("POST", f"/groups/{group}/posts", **again) == (403, "banned")
        assert await ben.refusal("POST", f"/groups/{group}/join") == (403, "banned")
        page = sockets.Client(ben.origin, f"/groups/{group}", ben.token, received[0][-1])
        assert await sockets.refusal(page) == "not_found"
        assert page.received == []


def check_logs(checkout: checkouts.Checkout) -> None:
    """Asserts that no process logged an error, and that every worker logged its stop."""
    logs = {path.stem: path.read_text() for path in (checkout.data_dir / "logs").glob("*.log")}
    assert {"service", "relay", "indexer", "sweeper", "postgres"} <= logs.keys()
    for name, text in logs.items():
        assert "Traceback" not in text, name
    for name in ("relay", "indexer", "sweeper"):
        assert '"worker stopped"' in logs[name].splitlines()[-1]
    for name in ("service", "relay", "indexer", "sweeper"):
        assert '"level":"error"' not in logs[name].replace(" ", ""), name
