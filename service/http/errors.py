"""Sets of error codes that route tables declare.

Operations do not declare `HTTP_LAYER` and `BODY`, which the HTTP layer itself raises.
"""

from typing import Final

PAGE: Final = frozenset({"invalid_cursor", "validation_failed"})
RANK: Final = frozenset({"banned", "forbidden", "not_found"})
WRITE: Final = RANK | {"muted"}
RESTORE: Final = RANK | {"parent_deleted"}

HTTP_LAYER: Final = frozenset({"unauthenticated", "rate_limited", "unavailable"})
BODY: Final = frozenset(
    {"invalid_json", "validation_failed", "body_too_large", "unsupported_media_type"}
)
IDEMPOTENCY: Final = frozenset({"idempotency_key_reused", "idempotency_in_progress"})
