"""Processes of the service and of the workers for tests."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from common import settings as configuration
from tools.instance import logins, stack

ROOT = Path(__file__).parents[2]
# How often a test kills each kind of process; CI sets 50.
KILL_ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
TIMEOUT_SECONDS = 30.0


@dataclass
class Service:
    """Process of `python -m service` on a free port, which writes its output to `log`.

    On a database of the test stack it uses the login of a deployment. `environment` keeps the
    superuser's URL, with which tests read and change the database.
    """

    environment: Mapping[str, str]
    log: Path
    running: stack.Stack | None = None
    port: int = field(default_factory=stack.free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        return f"{self.origin}/api/communities/v1"

    @property
    def websocket_url(self) -> str:
        return f"{self.origin}/socket.io/?EIO=4&transport=websocket"

    def token(self, user: uuid.UUID | str, ttl: timedelta = timedelta(hours=1)) -> str:
        claims = {"sub": str(user), "exp": datetime.now(UTC) + ttl}
        return jwt.encode(claims, self.environment["JWT_SECRET"], algorithm="HS256")

    def client(self, user: uuid.UUID | str | None = None) -> httpx.Client:
        """Returns a client of the API as this user, or an anonymous one."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        return httpx.Client(base_url=self.base, headers=headers, timeout=30)

    def metric(self, sample: str) -> float:
        """Returns the sum of the samples that begin with this text, or NaN if there is none."""
        lines = httpx.get(f"{self.origin}/metrics").text.splitlines()
        values = [float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample)]
        return sum(values) if values else math.nan

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                env={
                    **_with_login(self.environment, self.running, logins.API),
                    **{"PORT": str(self.port), "PYTHONPATH": str(ROOT)},
                },
                # The checkout may hold the `.env` of a developer.
                cwd=self.log.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        """Sends SIGTERM and waits until the process ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Sends SIGKILL and waits until the process ends."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _wait(self) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the service didn't start:\n{self.log.read_text()[-4000:]}")
            try:
                if httpx.get(f"{self.origin}/healthz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        try:
            self.process.wait(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        self.process = None


@dataclass
class Worker:
    """Process of `python -m workers.<name>`, which writes its output to `log`."""

    name: str
    environment: Mapping[str, str]
    log: Path
    running: stack.Stack
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    # Offset in the log at which the current process began.
    log_offset: int = 0

    def start(self) -> None:
        """Starts the process and returns before the worker is ready."""
        with self.log.open("ab") as log:
            self.log_offset = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"workers.{self.name}", *self.arguments],
                env={
                    **_with_login(self.environment, self.running, logins.WORKERS),
                    "PYTHONPATH": str(ROOT),
                },
                cwd=self.log.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Sends SIGTERM, and asserts that the worker ends with exit code 0."""
        if self.process is not None:
            process = self.process
            # Python cannot handle the signal before the worker has started.
            while process.poll() is None and not self.has_started():
                time.sleep(0.02)
            self._end(signal.SIGTERM)
            assert process.returncode == 0, self.log.read_text()[-4000:]

    def kill(self) -> None:
        """Sends SIGKILL and waits until the process ends."""
        self._end(signal.SIGKILL)

    def has_started(self) -> bool:
        """Returns whether the current process has logged its start."""
        return b'"worker started"' in self.log.read_bytes()[self.log_offset :]

    def lines(self) -> list[dict[str, Any]]:
        """Returns the log entries so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            process.wait(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _with_login(
    environment: Mapping[str, str], running: stack.Stack | None, login: str
) -> dict[str, str]:
    """Returns an environment with this login instead of the test stack's superuser."""
    url = environment.get("DATABASE_URL", "")
    if running is None or urlsplit(url).username != logins.SUPERUSER:
        return dict(environment)
    return {**environment, "DATABASE_URL": running.as_login(url, login)}


def environment(running: stack.Stack, given: Mapping[str, str]) -> dict[str, str]:
    """Returns a server's environment, which has the stack's URLs and no settings of a developer."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in configuration.names()
    }
    return {**inherited, **running.urls, **given}
