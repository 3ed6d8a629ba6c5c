"""The streams of events in Redis, as the relay and the sockets know them (§6).

One sequence numbers both, so a place says which of two entries of any of them came first.
"""

from typing import Final

STREAMS: Final = ("comm:post", "comm:comment")
# How many of the last places of the sequence are kept, over both streams.
KEPT: Final = 100_000


def entry_id(seq: int) -> str:
    """The id of the entry of this place in the sequence."""
    return f"{seq}-0"
