"""How the passes go: what whoever watches them wants to know, kept by the loop as it goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


class Course:
    """``started`` is when the loop began, ``passed`` when a pass last went well, ``failures`` how many failed since.

    ``moved`` is when the pass under way last got on, as its progress tells: the first one may take hours.
    """

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self.started = now()
        self.passed: datetime | None = None
        self.moved: datetime | None = None
        self.failures = 0

    def went_well(self) -> None:
        self.passed = self._now()
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1

    def reading(self, flow: str, side: str, records: int, total: int | None) -> None:
        """Progress of the pass under way."""
        self.moved = self._now()

    def working(self, flow: str, done: int, total: int) -> None:
        """As `reading`."""
        self.moved = self._now()
