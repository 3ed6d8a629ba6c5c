"""`python -m service`: runs the server until TERM."""

import os
import shutil
from pathlib import Path
from typing import Final

import uvicorn

from common import settings as configuration
from service.realtime import connections

ROOT: Final = Path(__file__).parent.parent
GRACE_SECONDS: Final = 15  # for requests in flight; a statement has ten


def main() -> None:
    """Serves until a signal stops it."""
    settings = configuration.load(configuration.ServiceSettings)
    if settings.web_concurrency > 1:
        _share_metrics(settings.data_dir / "run" / "service-metrics")
    uvicorn.run(
        "service.app:app",
        app_dir=str(ROOT),
        host=settings.host,
        port=settings.port,
        workers=settings.web_concurrency,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        ws="wsproto",
        # Large messages are refused while they arrive. Compression would hide their size.
        ws_max_size=connections.MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        log_level=settings.log_level,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _share_metrics(folder: Path) -> None:
    """Creates a folder in which processes share metrics, unless the operator names one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


if __name__ == "__main__":
    main()
