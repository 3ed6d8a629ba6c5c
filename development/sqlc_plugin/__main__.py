"""Entry point: reads sqlc's request from standard input and writes the files to standard output."""

import base64
import json
import sys

from . import sqlc_request, writer


def main() -> int:
    try:
        files = writer.files(sqlc_request.read(json.load(sys.stdin.buffer)))
    except sqlc_request.PluginError as error:
        print(f"sqlc_plugin: {error}", file=sys.stderr)
        return 1
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
    json.dump({"files": [{"name": n, "contents": c} for n, c in encoded.items()]}, sys.stdout)
    return 0


sys.exit(main())
