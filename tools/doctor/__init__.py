"""What `communities doctor` looks at: one module a topic, each a generator of findings.

Nothing is started, made or changed for a look, but for a file in DATA_DIR, a key in Redis and an
object in the bucket that are taken away again.
"""

from tools.doctor.findings import Context, Finding
from tools.doctor.rounds import look

__all__ = ["Context", "Finding", "look"]
