"""Record of a request, for its log line, its metrics and its span."""

import time
import uuid
from dataclasses import dataclass, field

from opentelemetry import trace
from starlette.types import Scope


@dataclass(slots=True)
class Record:
    """Record of one request. `route` is its path template; `error` is for the log only."""

    request_id: str
    method: str
    route: str = "unknown"
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    user_id: uuid.UUID | None = None
    group_id: str | None = None
    error: str | None = None

    def seconds(self) -> float:
        """Returns the seconds since the request arrived."""
        return time.perf_counter() - self.started


def of(scope: Scope) -> Record:
    """Returns the record of a request."""
    record: Record = scope["state"]["record"]
    return record


def describe(record: Record, span: trace.Span) -> None:
    """Sets name and attributes of a request's span after its answer."""
    span.update_name(f"{record.method} {record.route}")
    attributes = {
        "http.request.method": record.method,
        "http.route": record.route,
        "http.response.status_code": record.status,
        "communities.request_id": record.request_id,
        "communities.group_id": record.group_id,
    }
    span.set_attributes({key: value for key, value in attributes.items() if value is not None})
    if (record.status or 500) >= 500:
        span.set_status(trace.StatusCode.ERROR)
