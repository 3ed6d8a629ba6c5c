"""Sets of error codes that the route tables declare, by the kind of rule that raises them.

`HTTP_LAYER` and `BODY` hold what the HTTP layer itself answers; operations do not declare those.
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
