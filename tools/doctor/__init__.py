"""Checks of `communities doctor`: one module a topic, each a generator of findings.

A check starts and changes nothing. It only creates a file in DATA_DIR, a key in Redis and an object
in the bucket, and removes them.
"""

from tools.doctor.findings import Context, Finding
from tools.doctor.rounds import look

__all__ = ["Context", "Finding", "look"]
