"""How often is looked, and how long is waited where that failed."""

from __future__ import annotations

from random import SystemRandom

from msgspec import Struct

_LONGEST = 60.0
"""Seconds between tries, at most, while a system is away."""
_JITTER = 0.2
"""The part of a pause by which it varies, so that those who failed together do not all come back together."""
_RANDOM = SystemRandom()


class Paces(Struct, frozen=True, kw_only=True):
    """Seconds: ``every`` between looks at what nobody announces, ``sweep`` between looks at everything."""

    every: float
    sweep: float

    def pause(self, failures: int) -> float:
        """Seconds until the next try, after one that failed as so many did before it."""
        pause = min(self.every * 2.0 ** min(failures, 32), max(_LONGEST, self.every))
        return pause * _RANDOM.uniform(1 - _JITTER, 1 + _JITTER)


def spread(pause: float) -> float:
    """At least so long, for many who wait for the same."""
    return pause * _RANDOM.uniform(1, 1 + 2 * _JITTER)
