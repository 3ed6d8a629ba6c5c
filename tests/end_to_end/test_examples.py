"""Example clients, which follow a group through restarts and lost events."""

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

from tests.conftest import Stores
from tests.support import api_client, nodes, servers, sockets
from tests.support.sockets import Instance

EXAMPLES = Path(__file__).parents[2] / "examples"
TIMEOUT_SECONDS = 60.0


@pytest.fixture(scope="module")
def instance(module_stores: Stores) -> Iterator[Instance]:
    """Yields the service of the example, a second service for writes, and a relay."""
    with sockets.two_services(module_stores.run_service, module_stores.run_worker) as instance:
        yield instance


@dataclass
class Follower:
    """Process of an example client, with its output."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def events(self) -> list[tuple[int, str, str]]:
        """Returns position, name and content of each printed event."""
        found = (re.fullmatch(r"(\d+)-0 ([a-z_.]+) (.*)", line) for line in self.lines)
        return [(int(match[1]), match[2], match[3]) for match in found if match]

    def prints(self, beginning: str, count: int = 1) -> None:
        """Waits for this many lines that begin with this text."""
        self._wait(lambda line: line.startswith(beginning), count)

    def receives(self, content: str) -> None:
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
    """Returns the command line of an example."""
    if language == "python":
        return [sys.executable, str(EXAMPLES / "python" / "follow.py")]
    # The program is next to its packages, as after `npm ci`.
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
    instance: Instance, language: str, tmp_path: Path
) -> None:
    group_id = instance.group("private", "member")
    owner = instance.user("owner")
    owner.make_post(group_id, "before")
    with (
        following(
            language, instance.service, group_id, instance.user("member"), tmp_path
        ) as follower,
        instance.services[1].client(owner.id) as other,
    ):
        follower.prints("read")
        expected = ["live"]
        owner.make_post(group_id, "live")
        follower.receives("live")
        for number, end in enumerate((instance.service.stop, instance.service.kill)):
            # The group gets posts while the service is down.
            end()
            for turn in range(3):
                expected.append(f"missed {number} {turn}")
                posted = other.post(f"/groups/{group_id}/posts", json={"body": expected[-1]})
                assert posted.is_success, posted.text
            instance.service.start()
            follower.receives(expected[-1])
            expected.append(f"again {number}")
            owner.make_post(group_id, expected[-1])
            follower.receives(expected[-1])
        assert "  before" in follower.lines
        events = follower.events()
        assert [content for _, name, content in events if name == "post.created"] == expected
        positions = [position for position, _, _ in events]
        assert positions == sorted(set(positions))

        # Redis loses the missed events, so the client reads the posts again.
        instance.service.stop()
        lost = other.post(f"/groups/{group_id}/posts", json={"body": "lost"})
        assert lost.is_success, lost.text
        asyncio.run(instance.until_published())
        with redis.Redis.from_url(instance.service.environment["REDIS_URL"]) as store:
            store.flushdb()
        instance.service.start()
        follower.prints("read", 2)
        follower.prints("  lost")
        owner.make_post(group_id, "live again")
        follower.receives("live again")

        # A client without access ends.
        member = instance.user("member").id
        assert owner.client.delete(f"/groups/{group_id}/members/{member}").is_success
        assert follower.process.wait(TIMEOUT_SECONDS) == 0, follower.lines
