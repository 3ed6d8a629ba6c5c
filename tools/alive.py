"""Health check of containers: `python -m tools.alive PORT` asks this machine's /healthz."""

import sys
import urllib.error
import urllib.request


def main() -> int:
    """Returns 0 if /healthz answers 200, and 1 otherwise."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(sys.argv[1])}/healthz", timeout=2):
            return 0
    except urllib.error.URLError as error:
        print(error.reason)
        return 1


if __name__ == "__main__":
    sys.exit(main())
