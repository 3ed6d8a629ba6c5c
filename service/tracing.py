"""What is known of the request in hand, for its log line and its metrics."""

import time
import uuid
from dataclasses import dataclass, field

from starlette.types import Scope


@dataclass(slots=True)
class Trace:
    """One request. `error` is what went wrong on our side, in words for the log alone."""

    request_id: str
    method: str
    # The template of its path.
    route: str = "unknown"
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    user_id: uuid.UUID | None = None
    group_id: str | None = None
    error: str | None = None

    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.started


def of(scope: Scope) -> Trace:
    """The trace of the request that this scope belongs to."""
    trace: Trace = scope["state"]["trace"]
    return trace
