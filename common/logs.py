"""Structured logs: one JSON object a line, from the service and from uvicorn (rule 00.30)."""

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import orjson
import psycopg
import structlog
from structlog.typing import EventDict, Processor

_SERVER_LOGGERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")


def configure(level: str = "info", *, processors: Sequence[Processor] = ()) -> None:
    """Logs everything from this level on to standard output. `processors` extend each line."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *processors,
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render_text],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _SERVER_LOGGERS:
        server = logging.getLogger(name)
        server.handlers = []
        server.propagate = True
        server.setLevel(number)
    # The service itself logs a line for each request.
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False


def describe(error: BaseException) -> dict[str, object]:
    """Returns fields of an unexpected error for the log, without any user's data.

    The text of a database error may quote a row, so only its code and primary message are used.
    """
    if isinstance(error, psycopg.Error):
        text = " ".join(filter(None, (error.sqlstate, error.diag.message_primary)))
    else:
        text = str(error)
    return {
        "error": f"{type(error).__qualname__}: {text}",
        "traceback": "".join(traceback.format_tb(error.__traceback__)),
    }


def _render(_logger: object, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=str)


def _render_text(logger: object, method: str, event: EventDict) -> str:
    return _render(logger, method, event).decode()
