"""The stack: every backing store, embedded under DATA_DIR or configured by its URL.

One DATA_DIR has one stack at a time. `make run` owns it: it stops all when it stops. Other
commands borrow it: they join a running stack, or start the parts that they need. The last
command stops these. Two locks in DATA_DIR/run say who is there. The kernel drops a
lock with its process, however that ends.

    users   exclusive while an owner lives, shared by every borrower
    change  held for as long as a borrower starts or stops something
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from common.settings import Settings
from tools.failure import Failure
from tools.instance import logins, parts, probes, processes, signals

# The backing stores, and the setting that replaces the embedded part of each.
VARIABLES = {
    "postgres": "DATABASE_URL",
    "redis": "REDIS_URL",
    "s3": "S3_ENDPOINT_URL",
    "opensearch": "OPENSEARCH_URL",
}
PARTS = tuple(VARIABLES)
TIMEOUT_SECONDS = 60.0
Change = Callable[[parts.Part], parts.Part]


@dataclass(frozen=True)
class Stack:
    """A running stack: what a program needs to use it, by the names of the settings."""

    data_dir: Path
    urls: Mapping[str, str]
    # The embedded parts among it.
    records: Sequence[processes.Record] = ()

    @property
    def database_url(self) -> str:
        return self.urls["DATABASE_URL"]

    @property
    def superuser_url(self) -> str:
        return self.as_login(self.database_url, logins.SUPERUSER)

    def as_login(self, url: str, login: str) -> str:
        """Returns the URL with another login, if it is of the embedded PostgreSQL."""
        if any(record.name == "postgres" for record in self.records):
            return logins.url(url, login, self.data_dir)
        return url

    def environment(self) -> dict[str, str]:
        """Returns the environment of a program that runs on this stack."""
        return {**os.environ, **self.urls, "DATA_DIR": str(self.data_dir)}


@dataclass
class _State:
    """Running stack, as other commands read it from its record."""

    urls: dict[str, str] = field(default_factory=dict)
    records: list[processes.Record] = field(default_factory=list)
    owned: bool = False
    kept: bool = False

    def alive(self) -> bool:
        return all(record.process() for record in self.records)


@dataclass(frozen=True)
class Owned:
    """The stack of its owner, who may restart a part that died."""

    settings: Settings
    state: _State

    @property
    def stack(self) -> Stack:
        return Stack(self.settings.data_dir, self.state.urls, tuple(self.state.records))

    def restart(self, name: str) -> processes.Record:
        """Starts a part on its former port. Does not wait until it answers."""
        record, _ = _launch(self.settings, name, _kept_ports(self.settings)[name])
        others = [other for other in self.state.records if other.name != name]
        self.state.records[:] = [*others, record]
        _write(self.settings, self.state)
        return record


@contextmanager
def owned(settings: Settings) -> Iterator[Owned]:
    """Yields the whole stack for one program alone, from here until it ends."""
    with _lock(settings, "users") as users:
        if not _take(users, fcntl.LOCK_EX):
            raise _in_use(settings)
        try:
            _clear(settings)
            configured = _configured(settings, PARTS)
            state = _State(urls=configured, owned=True)
            _start(settings, state, PARTS)
            yield Owned(settings, state)
        finally:
            with signals.ignored():
                _clear(settings)


@contextmanager
def borrowed(
    settings: Settings,
    needed: Sequence[str] = PARTS,
    *,
    fast: bool = False,
    keep: bool = False,
    change: Change = lambda part: part,
) -> Iterator[Stack]:
    """Yields a stack with these parts: the one that is up, or one for as long as it is needed.

    `keep` leaves it up for later commands; `change` makes another part of an embedded one.
    """
    configured = _configured(settings, needed)
    with _lock(settings, "users") as users:
        with _changing(settings):
            shared = _take(users, fcntl.LOCK_SH)
            try:
                if shared:
                    state = _join(settings, configured, needed, fast=fast, keep=keep, change=change)
                else:
                    state = _owned_by_other(settings)
            except BaseException:
                if shared:
                    _leave(settings, users)
                raise
        try:
            embedded = [each for each in state.records if VARIABLES[each.name] not in configured]
            yield Stack(settings.data_dir, {**state.urls, **configured}, tuple(embedded))
        finally:
            if shared:
                with _changing(settings):
                    _leave(settings, users)


def stop_kept(settings: Settings) -> bool:
    """Stops a stack that was left up; says whether there was one."""
    with _lock(settings, "users") as users, _changing(settings):
        if not _take(users, fcntl.LOCK_EX):
            raise _in_use(settings)
        state = _read(settings)
        with signals.ignored():
            _clear(settings)
        return state is not None


def present(settings: Settings) -> Mapping[str, str]:
    """Returns the addresses of the embedded parts that are up, for a look from outside.

    Raises OSError if the DATA_DIR belongs to another user.
    """
    state = _read(settings)
    return state.urls if state is not None and state.alive() else {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do: a connection that lingers from the last run doesn't hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _configured(settings: Settings, needed: Sequence[str]) -> dict[str, str]:
    """Returns the stores that are configured by a URL; each must answer."""
    urls = {}
    for name in needed:
        url = getattr(settings, VARIABLES[name].lower())
        if url is not None:
            urls[VARIABLES[name]] = url.get_secret_value()
    if settings.s3_access_key is not None and settings.s3_secret_key is not None:
        urls["S3_ACCESS_KEY"] = settings.s3_access_key.get_secret_value()
        urls["S3_SECRET_KEY"] = settings.s3_secret_key.get_secret_value()
    probe: dict[str, Callable[[str], None]] = {
        "postgres": probes.postgres,
        "redis": probes.redis_server,
        "opensearch": probes.opensearch,
        "s3": lambda url: probes.s3_bucket(
            url,
            access_key=urls["S3_ACCESS_KEY"],
            secret_key=urls["S3_SECRET_KEY"],
            bucket=settings.s3_bucket,
            region=settings.s3_region,
        ),
    }
    for name in needed:
        if VARIABLES[name] in urls:
            probes.demand(VARIABLES[name], urls[VARIABLES[name]], probe[name])
    return urls


def _join(
    settings: Settings,
    configured: Mapping[str, str],
    needed: Sequence[str],
    *,
    fast: bool,
    keep: bool,
    change: Change,
) -> _State:
    state = _read(settings)
    # An owner holds its lock while it lives: what one has left written down is a leftover.
    if state is None or state.owned or not state.alive():
        _clear(settings)
        state = _State()
    state.kept = state.kept or keep
    missing = [name for name in needed if VARIABLES[name] not in configured]
    _start(settings, state, missing, fast=fast, change=change)
    return state


def _leave(settings: Settings, users: IO[bytes]) -> None:
    """Stops the stack if no other command uses it, unless it is kept."""
    state = _read(settings)
    if _take(users, fcntl.LOCK_EX) and not (state is not None and state.kept):
        with signals.ignored():
            _clear(settings)


def _owned_by_other(settings: Settings) -> _State:
    """Returns the stack of `make run`, which may be on its way up."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (state := _read(settings)) is None or not state.alive():
        if time.monotonic() > deadline:
            raise _in_use(settings)
        time.sleep(0.1)
    return state


def _start(
    settings: Settings,
    state: _State,
    needed: Sequence[str],
    *,
    fast: bool = False,
    change: Change = lambda part: part,
) -> None:
    """Starts the missing parts concurrently, and waits until every one answers."""
    names = [name for name in needed if VARIABLES[name] not in state.urls]
    for name in names:
        if not parts.is_installed(name, settings):
            raise Failure(f"{VARIABLES[name]} is unset, and {parts.WHEELS[name]} is not installed")
    folder = processes.Folder(settings.data_dir)
    ports = _ports(settings, names)
    # PostgreSQL last: its first start makes its files, and the others come up meanwhile.
    started = [
        _launch(settings, name, ports[name], fast=fast, change=change)
        for name in sorted(names, key=lambda name: name == "postgres")
    ]
    for record, part in started:
        _wait(folder, record, part)
        state.urls |= part.urls
        state.records.append(record)
    _write(settings, state)


def _launch(
    settings: Settings,
    name: str,
    port: int,
    *,
    fast: bool = False,
    change: Change = lambda part: part,
) -> tuple[processes.Record, parts.Part]:
    """Starts a part. Returns at once, before it answers."""
    make: dict[str, Callable[[], parts.Part]] = {
        "postgres": lambda: parts.postgres(settings, port, fast=fast),
        "redis": lambda: parts.redis_server(settings, port, fast=fast),
        "s3": lambda: parts.s3(settings, port),
        "opensearch": lambda: parts.opensearch(port),
    }
    part = change(make[name]())
    record = processes.start(
        processes.Folder(settings.data_dir),
        name,
        part.command,
        environment={"PATH": os.defpath, **part.environment},
        stop_signal=part.stop_signal,
    )
    return record, part


def _wait(folder: processes.Folder, record: processes.Record, part: parts.Part) -> None:
    deadline = time.monotonic() + part.timeout
    while True:
        try:
            return part.probe()
        except Exception as error:  # each driver has its own; all mean "not yet"
            reason = probes.reason(error, part.urls[VARIABLES[part.name]])
        log = folder.log(part.name)
        if record.process() is None:
            raise Failure(
                f"{part.name} stopped as soon as it started; {log} ends with\n"
                + processes.tail(log)
            )
        if time.monotonic() > deadline:
            raise Failure(
                f"{part.name} doesn't answer ({reason}); {log} ends with\n" + processes.tail(log)
            )
        time.sleep(0.05)


def _ports(settings: Settings, names: Sequence[str]) -> dict[str, int]:
    """Returns the port of each part: the configured one, or the last one, or a free one."""
    ports = _kept_ports(settings)
    for name in names:
        variable = f"{name}_port"
        wanted: int = getattr(settings, variable)
        if wanted and not is_free(wanted):
            raise Failure(f"{variable.upper()}: port {wanted} is in use")
        kept = ports.get(name)
        ports[name] = wanted or (kept if kept and is_free(kept) else free_port())
    _write_private(_ports_path(settings), json.dumps(ports))
    return ports


def _kept_ports(settings: Settings) -> dict[str, int]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        ports: dict[str, int] = json.loads(_ports_path(settings).read_text())
        return ports
    return {}


def _ports_path(settings: Settings) -> Path:
    return settings.data_dir / "run" / "ports.json"


def _clear(settings: Settings) -> None:
    """Stops the leftovers of a stack."""
    folder = processes.Folder(settings.data_dir)
    _state_path(settings).unlink(missing_ok=True)
    records = folder.records()
    # What serves is stopped first, then the workers, and last what both need.
    for stage in range(3):
        # The service drains first, and then answers what it is at.
        timeout = settings.drain_seconds + 20 if stage == 0 else processes.TIMEOUT_SECONDS
        stopped = [record for record in records if _stage(record.name) == stage]
        processes.stop(folder, stopped, timeout=timeout)


def _stage(name: str) -> int:
    return 2 if name in PARTS else 0 if name == "service" else 1


def _state_path(settings: Settings) -> Path:
    return settings.data_dir / "run" / "state.json"


def _read(settings: Settings) -> _State | None:
    try:
        written = json.loads(_state_path(settings).read_text())
    except FileNotFoundError:
        return None
    records = [processes.Record(**record) for record in written.pop("records")]
    return _State(records=records, **written)


def _write(settings: Settings, state: _State) -> None:
    # It holds passwords.
    _write_private(_state_path(settings), json.dumps(asdict(state)))


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


@contextmanager
def _lock(settings: Settings, name: str) -> Iterator[IO[bytes]]:
    folder = settings.data_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("ab") as file:
        yield file


@contextmanager
def _changing(settings: Settings) -> Iterator[None]:
    with _lock(settings, "change") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _take(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(settings: Settings) -> Failure:
    return Failure(f"{settings.data_dir} is in use by another command: stop that first")
