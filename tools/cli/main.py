"""The console script `communities`. Nothing is imported before Ctrl-C is in good hands."""

import sys

from tools.failure import Failure
from tools.instance import signals

INTERRUPTED = 130


def main() -> None:
    try:
        with signals.as_interrupt():
            from tools.cli import app as cli

            cli.app(prog_name="communities")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        raise Failure(f"{error.filename or ''}: {error.strerror or error}") from None


if __name__ == "__main__":
    main()
