"""OpenTelemetry traces, which are off without a collector.

A trace covers the HTTP request, its statement and its event in the outbox. The event carries the
span as a `traceparent` to the stream, and from there to the sockets.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from opentelemetry import context, trace
from opentelemetry.trace.propagation import tracecontext
from structlog.typing import EventDict

from common import logs
from common import settings as configuration

TIMEOUT_SECONDS: Final = 3  # for a batch of spans, also for the last one at the end of a process
_FORMAT: Final = tracecontext.TraceContextTextMapPropagator()
_QUERY_NAME: Final = "-- name: "

Attributes = Mapping[str, str | int]


class Tracer:
    """Creates the spans of one process."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextlib.contextmanager
    def request(
        self,
        name: str,
        headers: Sequence[tuple[bytes, bytes]],
        describe: Callable[[trace.Span], None],
    ) -> Iterator[None]:
        """Creates the span of a request in the caller's trace. `describe` adds to it at its end."""
        with self._tracer.start_as_current_span(
            name, _from_headers(headers), trace.SpanKind.SERVER, record_exception=False
        ) as span:
            try:
                yield
            finally:
                if span.is_recording():
                    describe(span)

    @contextlib.contextmanager
    def forwarding(
        self, name: str, events: Mapping[int, tuple[str, Attributes]]
    ) -> Iterator[dict[int, str]]:
        """Creates a span for each event, in its trace. Yields the new traceparent of each event."""
        spans = {
            event: self._tracer.start_span(
                name, parse_traceparent(parent), trace.SpanKind.PRODUCER, attributes=attributes
            )
            for event, (parent, attributes) in events.items()
        }
        try:
            yield {event: format_traceparent(span) for event, span in spans.items()}
        except BaseException as error:
            for span in spans.values():
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            for span in spans.values():
                span.end()

    @contextlib.contextmanager
    def receiving(self, name: str, traceparent: str, attributes: Attributes) -> Iterator[None]:
        """Creates the span of a received event, in the trace of its `traceparent`."""
        with self._tracer.start_as_current_span(
            name,
            parse_traceparent(traceparent),
            trace.SpanKind.CONSUMER,
            attributes=attributes,
            record_exception=False,
        ):
            yield

    @contextlib.contextmanager
    def batch(
        self, name: str, traceparents: Sequence[str], attributes: Attributes
    ) -> Iterator[None]:
        """Creates a span of many events: in a trace of its own, with a link to each of theirs."""
        contexts = (
            trace.get_current_span(context_).get_span_context()
            for context_ in map(parse_traceparent, traceparents)
        )
        with self._tracer.start_as_current_span(
            name,
            context.Context(),
            trace.SpanKind.CONSUMER,
            attributes=attributes,
            links=[trace.Link(each) for each in contexts if each.is_valid],
            record_exception=False,
        ):
            yield

    def statement(self, query: object) -> contextlib.AbstractContextManager[object]:
        """Returns the span of a generated statement in a traced request; else a no-op."""
        text = query if isinstance(query, str) else ""
        if not text.startswith(_QUERY_NAME) or not trace.get_current_span().is_recording():
            return contextlib.nullcontext()
        name = text[len(_QUERY_NAME) :].split(maxsplit=1)[0]
        return self._tracer.start_as_current_span(
            name,
            kind=trace.SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
            # The text of a database error may quote a row.
            record_exception=False,
            set_status_on_exception=False,
        )

    def cursor(self) -> type[psycopg.AsyncCursor[Any]]:
        """Returns a cursor class whose statements have spans."""
        statement = self.statement

        class Cursor(psycopg.AsyncCursor[Any]):
            async def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
                with statement(query):
                    return await super().execute(query, *arguments, **options)

        return Cursor


@contextlib.asynccontextmanager
async def opened(
    settings: configuration.ServiceSettings, name: str
) -> AsyncIterator[Tracer | None]:
    """Yields the tracer of a process, or None without a collector."""
    if settings.otel_exporter_otlp_endpoint is None:
        yield None
        return
    tracer, flush = _start(settings.otel_exporter_otlp_endpoint.get_secret_value(), name)
    try:
        yield tracer
    finally:
        # A collector that does not answer must not delay the end of the process.
        flushing = threading.Thread(target=flush, daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, TIMEOUT_SECONDS)


def _start(endpoint: str, name: str) -> tuple[Tracer, Callable[[], None]]:
    # Imported here, because processes without traces should not need the memory.
    from opentelemetry.exporter.otlp.proto.http import trace_exporter
    from opentelemetry.sdk import resources
    from opentelemetry.sdk import trace as sdk
    from opentelemetry.sdk.trace import export

    named = {"service.namespace": "communities", "service.name": f"communities-{name}"}
    provider = sdk.TracerProvider(resource=resources.Resource.create(named), shutdown_on_exit=False)
    address = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = trace_exporter.OTLPSpanExporter(endpoint=address, timeout=TIMEOUT_SECONDS)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return Tracer(provider.get_tracer("communities")), provider.shutdown


def parse_traceparent(traceparent: str) -> context.Context:
    """Returns the context of a traceparent; an empty one if that is malformed."""
    return _FORMAT.extract({"traceparent": traceparent}, context.Context())


def format_traceparent(span: trace.Span) -> str:
    """Returns the traceparent of a span, as W3C Trace Context defines it."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier, trace.set_span_in_context(span, context.Context()))
    return carrier["traceparent"]


def current_traceparent() -> str | None:
    """Returns the traceparent of the current span, or None if it is not sampled."""
    span = trace.get_current_span()
    return format_traceparent(span) if span.get_span_context().trace_flags.sampled else None


def configure_logs(settings: configuration.Settings) -> None:
    """Configures the logs of a process. Their lines name the trace if traces are on."""
    traces = settings.otel_exporter_otlp_endpoint is not None
    logs.configure(settings.log_level, processors=[_add_trace_id] if traces else [])


def _add_trace_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    span_context = trace.get_current_span().get_span_context()
    if span_context.is_valid:
        event["trace_id"] = trace.format_trace_id(span_context.trace_id)
    return event


def _from_headers(headers: Sequence[tuple[bytes, bytes]]) -> context.Context:
    values = [value for key, value in headers if key == b"traceparent"]
    # A repeated header is ignored.
    return parse_traceparent(values[0].decode("latin-1")) if len(values) == 1 else context.Context()
