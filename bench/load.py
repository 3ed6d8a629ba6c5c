"""HTTP clients on loopback. Each sends its next request as soon as it has received an answer.

The process `python -m bench.load` reads a Plan as JSON and writes an Outcome.
"""

import asyncio
import functools
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import orjson
import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_GRACE_SECONDS = 10.0  # for answers in flight at the end


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Plan of requests for a number of seconds. Request number k is the same in every run."""

    port: int
    clients: int
    seconds: float
    method: str
    paths: Sequence[str]
    tokens: Sequence[str]
    bodies: Sequence[str] = ("",)
    expected_status: int

    def request(self, k: int) -> bytes:
        """Returns request number k. All pairs of token and body occur before one repeats."""
        token = self.tokens[k % len(self.tokens)]
        body = self.bodies[(k + k // len(self.tokens)) % len(self.bodies)]
        head = (
            f"{self.method} {self.paths[k % len(self.paths)]} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {token}\r\n"
        )
        content = body.encode()
        if content:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return head.encode() + b"\r\n" + content


@dataclass
class Outcome:
    """Result of a plan. Times are in seconds."""

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    # Processor time of the clients. Close to `elapsed`, the clients are the bottleneck.
    cpu: float = 0.0
    failure: str | None = None


class _Client(asyncio.Protocol):
    def __init__(self, plan: Plan, number: int, outcome: Outcome, end: float) -> None:
        self._plan = plan
        self._next = number
        self._outcome = outcome
        self._end = end
        self._sent = 0.0
        self._buffer = b""
        self._missing = 0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The transport of uvloop is not a subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._missing:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return None
            length = _LENGTH.search(self._buffer, 0, head + 2)
            size = int(length[1]) if length else 0
            if size > _MAX_ANSWER_BYTES:
                return self._fail(f"An answer exceeds {_MAX_ANSWER_BYTES} bytes.")
            self._missing = head + 4 + size
        if len(self._buffer) < self._missing:
            return None
        now = time.perf_counter()
        status = int(self._buffer[9:12])
        if status != self._plan.expected_status:
            return self._fail(self._buffer.decode(errors="replace"))
        self._outcome.latencies.append(now - self._sent)
        self._buffer, self._missing = b"", 0
        if now >= self._end or self._outcome.failure:
            return self._stop()
        return self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self._outcome.failure = self._outcome.failure or "The server closed a connection."
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        request = self._plan.request(self._next)
        self._next += self._plan.clients
        self._sent = time.perf_counter()
        self._transport.write(request)

    def _fail(self, reason: str) -> None:
        self._outcome.failure = self._outcome.failure or reason
        self._stop()

    def _stop(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def _run(plan: Plan) -> Outcome:
    outcome = Outcome()
    loop = asyncio.get_running_loop()
    started, cpu = time.perf_counter(), time.process_time()
    end = started + plan.seconds
    clients = []
    for number in range(plan.clients):
        _, client = await loop.create_connection(
            functools.partial(_Client, plan, number, outcome, end), "127.0.0.1", plan.port
        )
        clients.append(client)
    try:
        async with asyncio.timeout(plan.seconds + _GRACE_SECONDS):
            await asyncio.gather(*(client.done for client in clients))
    except TimeoutError:
        outcome.failure = f"An answer took longer than {_GRACE_SECONDS:g} seconds."
    outcome.elapsed, outcome.cpu = time.perf_counter() - started, time.process_time() - cpu
    return outcome


def main() -> None:
    plan = Plan(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(_run(plan))))


if __name__ == "__main__":
    main()
