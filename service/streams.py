"""The streams of events in Redis, as the relay and the sockets know them (§6)."""

from typing import Final

STREAMS: Final = ("comm:post", "comm:comment")
# How many of the last places of the sequence are kept, over both streams.
KEPT: Final = 100_000
