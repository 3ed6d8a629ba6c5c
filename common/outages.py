"""Outages of a backing store: the exception that reports one, and the log of its start and end."""

from typing import Any

import structlog


class StoreUnavailable(Exception):  # noqa: N818
    """A backing store is down, slow or overloaded. Nothing was changed; a retry may succeed."""

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store


class OutageLog:
    """Logs the first failure of each store and its recovery, however many attempts fail between.

    Each failing store is logged once as `store unavailable` and once as `store available again`.
    """

    def __init__(self, log: Any = None) -> None:
        self._log = log or structlog.get_logger()
        self._failing: set[str] = set()

    def fail(self, store: str, error: BaseException | None) -> bool:
        """Records a failure. Returns whether it is the first one since the store worked."""
        if store in self._failing:
            return False
        self._failing.add(store)
        self._log.warning("store unavailable", store=store, error=type(error).__name__)
        return True

    def recover(self, store: str) -> None:
        """Records that a store works."""
        if store in self._failing:
            self._failing.discard(store)
            self._log.info("store available again", store=store)

    def recover_all(self) -> None:
        """Records that every store works."""
        for store in sorted(self._failing):
            self.recover(store)

    def is_failing(self, store: str) -> bool:
        """Returns whether the last record of a store is a failure."""
        return store in self._failing
