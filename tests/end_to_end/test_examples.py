"""The examples follow a group through restarts and losses, as their first lines say."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from development import databases
from tests.conftest import own_redis, services, workers
from tests.support import api_client, nodes, servers
from tests.support.sockets import Town
from tools.instance import stack

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT_SECONDS = 60.0


@pytest.fixture(scope="module")
def town(
    test_stack: stack.Stack, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Yields a service that is followed, another one beside it, and a relay."""
    folder = tmp_path_factory.mktemp("followed")
    with (
        databases.clone(test_stack, template) as database,
        own_redis(test_stack) as redis_url,
        services(test_stack, database.url, redis_url, folder) as run_service,
        workers(test_stack, database.url, redis_url, folder) as run_worker,
    ):
        run_worker("relay")
        town = Town([run_service(), run_service()])
        yield town
        town.close()


@dataclass
class Follower:
    """An example that runs, and what it has printed."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def events(self) -> list[tuple[int, str, str]]:
        """Returns position, name and content of each event that it has shown."""
        found = (re.fullmatch(r"(\d+)-0 ([a-z_.]+) (.*)", line) for line in self.lines)
        return [(int(match[1]), match[2], match[3]) for match in found if match]

    def shows(self, words: str, count: int = 1) -> None:
        """Waits for this many lines that begin with these words."""
        self._wait(lambda line: line.startswith(words), count)

    def hears(self, content: str) -> None:
        """Waits for the event with this content."""
        self._wait(lambda line: line.endswith(f" {content}"), 1)

    def _wait(self, check: object, count: int) -> None:
        assert callable(check)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while sum(map(check, self.lines)) < count:
            assert self.process.poll() is None, self.lines
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.05)


def command(language: str) -> list[str]:
    """Returns the example as it is started."""
    if language == "python":
        return [sys.executable, str(EXAMPLES / "python" / "follow.py")]
    # Where `npm ci` would put its packages, seen from the program.
    program = nodes.installed("examples/javascript").parent / "follow.js"
    program.write_bytes((EXAMPLES / "javascript" / "follow.js").read_bytes())
    return ["node", str(program)]


@contextmanager
def following(
    language: str, service: servers.Service, group_id: str, user: api_client.User, folder: Path
) -> Iterator[Follower]:
    output = folder / f"{language}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command(language), service.origin, group_id],
            env={**os.environ, "TOKEN": service.token(user.id), "PYTHONWARNINGS": "error"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Follower(process, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["python", "javascript"])
def test_example_client_receives_each_event_once_across_restarts(
    town: Town, language: str, tmp_path: Path
) -> None:
    group_id = town.group("private", "member")
    owner = town.user("owner")
    owner.make_post(group_id, "before")
    with (
        following(language, town.service, group_id, town.user("member"), tmp_path) as follower,
        town.services[1].client(owner.id) as beside,
    ):
        follower.shows("read")
        expected = ["live"]
        owner.make_post(group_id, "live")
        follower.hears("live")
        for number, end in enumerate((town.service.stop, town.service.kill)):
            # The service stops, and the group gets more posts.
            end()
            for turn in range(3):
                expected.append(f"missed {number} {turn}")
                posted = beside.post(f"/groups/{group_id}/posts", json={"body": expected[-1]})
                assert posted.is_success, posted.text
            town.service.start()
            follower.hears(expected[-1])
            expected.append(f"again {number}")
            owner.make_post(group_id, expected[-1])
            follower.hears(expected[-1])
        assert "  before" in follower.lines
        events = follower.events()
        assert [content for _, name, content in events if name == "post.created"] == expected
        places = [place for place, _, _ in events]
        assert places == sorted(set(places))

        # Redis loses the missed events: the posts are read again.
        town.service.stop()
        lost = beside.post(f"/groups/{group_id}/posts", json={"body": "lost"})
        assert lost.is_success, lost.text
        asyncio.run(town.settle())
        with redis.Redis.from_url(town.service.environment["REDIS_URL"]) as store:
            store.flushdb()
        town.service.start()
        follower.shows("read", 2)
        follower.shows("  lost")
        owner.make_post(group_id, "live again")
        follower.hears("live again")

        # A disconnected client says so and ends.
        member = town.user("member").id
        assert owner.client.delete(f"/groups/{group_id}/members/{member}").is_success
        assert follower.process.wait(TIMEOUT_SECONDS) == 0, follower.lines
