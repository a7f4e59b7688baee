"""The time by which everything is remembered: the machine's, except that it never goes back.

What was seen later takes the place of what was seen earlier, and what is to be tried again is due at a time. A clock
that is set back would make of a new edit an old one, and of a pause of seconds one of hours.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """``earliest`` is the latest time that is remembered, in UTC: it is later than that from the beginning."""

    def __init__(self, earliest: datetime | None) -> None:
        self._ahead = timedelta(0)
        """How far the machine's clock was ahead of the time that has passed, when it was furthest."""
        self._start = datetime.now(UTC)
        self._began = time.monotonic()
        if earliest is not None and earliest > self._start:
            self._ahead = earliest - self._start

    def now(self) -> datetime:
        """In UTC. Where the machine's clock is set forward it follows; where it is set back it goes on as it was."""
        passed = self._start + timedelta(seconds=time.monotonic() - self._began)
        self._ahead = max(self._ahead, datetime.now(UTC) - passed)
        return passed + self._ahead
