"""Supervision of the processes of `make run`: the stores and the servers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tools.failure import Failure
from tools.instance import processes, signals

FIRST_PAUSE_SECONDS: Final = 0.2  # doubled after each further death
MAX_DEATHS: Final = 5
WINDOW_SECONDS: Final = 60.0


@dataclass
class _Child:
    """Supervised process.

    `deaths` are times within the window. `restart_at` is None while the process runs.
    """

    start: Callable[[], processes.Record]
    record: processes.Record
    deaths: list[float] = field(default_factory=list)
    restart_at: float | None = None


class Supervisor:
    """Restarts each process that dies, after a pause that doubles each time."""

    def __init__(self, folder: processes.Folder, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._children: list[_Child] = []

    def start(self, start: Callable[[], processes.Record]) -> None:
        """Starts a process by a function, which also restarts it."""
        self.adopt(start(), start)

    def adopt(self, record: processes.Record, restart: Callable[[], processes.Record]) -> None:
        """Supervises a running process."""
        self._children.append(_Child(restart, record))

    def check(self) -> None:
        """Records deaths, and restarts processes whose pause is over.

        Raises Failure, with the end of the log, once a process has died too often.
        """
        signals.check()
        for child in self._children:
            now = time.monotonic()
            if child.restart_at is None and child.record.process() is None:
                child.restart_at = now + self._pause(child, now)
            if child.restart_at is not None and child.restart_at <= now:
                # Children that the dead process left behind would hold its port.
                processes.end(self._folder, [child.record])
                child.record, child.restart_at = child.start(), None

    def _pause(self, child: _Child, now: float) -> float:
        name = child.record.name
        child.deaths = [at for at in child.deaths if now - at < WINDOW_SECONDS] + [now]
        if len(child.deaths) == MAX_DEATHS:
            log = self._folder.log(name)
            end = processes.tail(log)
            raise Failure(f"{name} died {MAX_DEATHS} times in a minute. {log} ends with\n{end}")
        pause: float = FIRST_PAUSE_SECONDS * 2 ** (len(child.deaths) - 1)
        self._say(f"{name} died. Restarting it in {pause:g} s.")
        return pause
