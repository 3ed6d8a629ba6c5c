"""The command that serves: what uvicorn is told, whoever starts it."""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
# Bytes that a websocket's client may send in one message: a token is the longest.
MESSAGE: Final = 16 * 1024


def command(
    *, host: str, port: int, processes: int = 1, log_level: str = "info"
) -> tuple[str, ...]:
    """A program and its arguments; its settings come from the environment."""
    return (
        *(sys.executable, "-m", "uvicorn", "service.app:app", "--app-dir", str(ROOT)),
        *("--host", host, "--port", str(port), "--workers", str(processes)),
        *("--loop", "uvloop", "--http", "httptools", "--lifespan", "on"),
        # A message is refused while it comes in. Compressed, a short one could be a long one.
        *("--ws", "wsproto", "--ws-max-size", str(MESSAGE), "--ws-per-message-deflate", "false"),
        *("--log-level", log_level, "--no-access-log"),
        *("--timeout-graceful-shutdown", "5"),
    )
