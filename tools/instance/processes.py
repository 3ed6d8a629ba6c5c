"""Long-running child processes: started with a record on disk, stopped by that record.

The record names the process by id and start time. A later command can
therefore tell a leftover from a new process with the same id, also after a `kill -9`.
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

import psutil

from tools.instance import signals

TIMEOUT_SECONDS = 10.0
LARGE_LOG = 10 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """Identity of a process, and the signal that stops it."""

    name: str
    pid: int
    created: float
    stop_signal: int

    def process(self) -> psutil.Process | None:
        """Returns the process, or None if it has ended or its id belongs to another one."""
        try:
            process = psutil.Process(self.pid)
            # Start times are counted from boot; a clock that is set moves them by a little.
            same = abs(process.create_time() - self.created) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class Folder:
    """Folder of the records and logs of the processes of one DATA_DIR."""

    data_dir: Path

    @property
    def run(self) -> Path:
        return self.data_dir / "run"

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def record(self, name: str) -> Path:
        return self.run / f"{name}.pid"

    def records(self) -> list[Record]:
        return [Record(**json.loads(path.read_text())) for path in self.run.glob("*.pid")]


def start(
    folder: Folder,
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    stop_signal: int = signal.SIGTERM,
) -> Record:
    """Starts a process in a session of its own, so that a terminal's Ctrl-C doesn't reach it."""
    folder.run.mkdir(parents=True, exist_ok=True)
    log = folder.log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LARGE_LOG:
        log.replace(log.with_suffix(".log.old"))
    # DATA_DIR also marks the process as ours, see _family.
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
        # A child is waited for by its record, never by this object: a process that outlives
        # this program is waited for in the same way. Popen warns of one left running.
        child.returncode = 0
        record = Record(name, child.pid, psutil.Process(child.pid).create_time(), stop_signal)
        draft = folder.record(name).with_suffix(".draft")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(folder.record(name))
    return record


def stop(folder: Folder, records: Sequence[Record], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Ends processes and removes their records."""
    end(folder, records, timeout=timeout)
    for record in records:
        folder.record(record.name).unlink(missing_ok=True)


def end(folder: Folder, records: Sequence[Record], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Asks processes to stop, waits, and kills what is left with all it has started.

    The records stay: a restart replaces each in one step, so that readers always find one.
    """
    families = {record: _family(folder, record) for record in records}
    for record, family in families.items():
        if record.process() is not None:
            _send(family[0], record.stop_signal)
        else:
            # Its head was killed: what it started serves nobody any more.
            for orphan in family:
                _send(orphan, signal.SIGKILL)
    everyone = [process for family in families.values() for process in family]
    for process in _still_there(everyone, timeout):
        _send(process, signal.SIGKILL)
    _still_there(everyone, timeout)
    for record in records:
        _reap(record)


def tail(log: Path, lines: int = 12) -> str:
    """Returns the end of a log, for people."""
    if not log.exists():
        return ""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text)


def _family(folder: Folder, record: Record) -> list[psutil.Process]:
    """Returns the process and all it has started, or the orphans it has left behind."""
    head = record.process()
    if head is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [head, *head.children(recursive=True)]
    return [process for process in psutil.process_iter() if _is_orphan(folder, record, process)]


def _is_orphan(folder: Folder, record: Record, process: psutil.Process) -> bool:
    try:
        return (
            process.pid != record.pid
            and os.getsid(process.pid) == record.pid
            and process.environ().get("DATA_DIR") == str(folder.data_dir)
        )
    except (psutil.Error, OSError):
        return False


def _still_there(family: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Returns the processes that have not ended in time.

    A zombie counts as ended.
    """
    deadline = time.monotonic() + timeout
    while alive := [process for process in family if runs(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return alive


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: int) -> None:
    # psutil checks the start time again before it sends anything.
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _reap(record: Record) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(record.pid, os.WNOHANG)
