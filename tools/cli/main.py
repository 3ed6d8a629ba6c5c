"""Console script `communities`. Signals are handled before anything large is imported."""

import sys

from tools.failure import Failure
from tools.instance import signals

INTERRUPTED = 130


def main() -> None:
    try:
        with signals.as_interrupt():
            from tools.cli import command_line

            command_line.app(prog_name="communities")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        raise Failure(f"{error.filename or ''}: {error.strerror or error}") from None


if __name__ == "__main__":
    main()
