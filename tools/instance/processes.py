"""Child processes that outlive a command: started with a record on disk, and stopped by it.

A record names its process by id and start time. A later command can therefore tell a leftover from
a new process with the same id, also after a `kill -9`.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from tools.instance import signals

TIMEOUT_SECONDS: Final = 10.0
MAX_LOG_BYTES: Final = 10 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """Identity of a process, and the signal that stops it."""

    name: str
    pid: int
    created: float
    stop_signal: int

    def process(self) -> psutil.Process | None:
        """Returns the process, or None if it has ended or its id belongs to another one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            # Start times are counted from boot, so setting the clock moves them a little.
            if abs(process.create_time() - self.created) < 1 and runs(process):
                return process
        return None


@dataclass(frozen=True)
class Folder:
    """Folder of the records and logs of one DATA_DIR."""

    data_dir: Path

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def record(self, name: str) -> Path:
        return self.data_dir / "run" / f"{name}.pid"

    def records(self) -> list[Record]:
        paths = self.record("*").parent.glob("*.pid")
        return [Record(**json.loads(path.read_text())) for path in paths]


def start(
    folder: Folder,
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    stop_signal: int = signal.SIGTERM,
) -> Record:
    """Starts a process in its own session, so that a terminal's Ctrl-C does not reach it."""
    path, log = folder.record(name), folder.log(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    # DATA_DIR also marks the process as ours, see _is_orphan.
    environment = {**environment, "DATA_DIR": str(folder.data_dir)}
    with signals.deferred(), log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # The record waits for the child. This keeps Popen from warning that it still runs.
        child.returncode = 0
        record = Record(name, child.pid, psutil.Process(child.pid).create_time(), stop_signal)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(path)
    return record


def stop(folder: Folder, records: Sequence[Record], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Ends processes and deletes their records."""
    end(folder, records, timeout=timeout)
    for record in records:
        folder.record(record.name).unlink(missing_ok=True)


def end(folder: Folder, records: Sequence[Record], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Asks processes to stop, waits, and kills them and their children after the timeout.

    The records stay: a restart replaces each in one step, so that readers always find one.
    """
    families = {record: _family(folder, record) for record in records}
    for record, family in families.items():
        if record.process() is not None:
            _send(family[:1], record.stop_signal)
        else:
            # Without their parent, the children have no purpose.
            _send(family, signal.SIGKILL)
    everyone = [process for family in families.values() for process in family]
    _send(_wait(everyone, timeout), signal.SIGKILL)
    _wait(everyone, timeout)
    for record in records:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(record.pid, os.WNOHANG)


def tail(log: Path, lines: int = 12) -> str:
    """Returns the last lines of a log, indented."""
    text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join(f"    {line}" for line in text)


def runs(process: psutil.Process) -> bool:
    """Returns whether a process runs. A zombie does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _family(folder: Folder, record: Record) -> list[psutil.Process]:
    """Returns the process and its descendants, or the orphans that it left behind."""
    head = record.process()
    if head is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [head, *head.children(recursive=True)]
    return [process for process in psutil.process_iter() if _is_orphan(folder, record, process)]


def _is_orphan(folder: Folder, record: Record, process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return (
            process.pid != record.pid
            and os.getsid(process.pid) == record.pid
            and process.environ().get("DATA_DIR") == str(folder.data_dir)
        )
    return False


def _wait(family: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Returns the processes that still run after the timeout, as soon as none does."""
    # psutil.wait_procs would wait for a zombie whose parent does not reap it.
    deadline = time.monotonic() + timeout
    while (alive := [process for process in family if runs(process)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    return alive


def _send(family: Sequence[psutil.Process], number: int) -> None:
    for process in family:
        # psutil checks the start time again before it sends anything.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
