"""How the workers do, told to whoever watches: of all companies together, as the queue knows it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from syncline.engine.people.words import count
from syncline.runtime.fleet.hearing import Calls
from syncline.runtime.fleet.queue import Waiting
from syncline.runtime.health import Status
from syncline.runtime.metrics import calls, gauge

LATE = 60.0
"""Seconds that a turn may be due before too few workers are at work."""
_UNHEARD = 30.0
"""Seconds after which the queue is taken to be away."""


class FleetHealth(Struct, frozen=True, kw_only=True):
    """``why`` are sentences for people; ``failing`` are the companies whose last turn failed."""

    status: Status
    why: tuple[str, ...]
    companies: int
    due: int
    longest_due_seconds: float
    failing: tuple[str, ...]


class Watched:
    """What the worker saw last of the queue."""

    def __init__(self) -> None:
        self._waiting = Waiting(companies=0, due=0, longest=0.0, failing=())
        self._seen = time.monotonic()

    def saw(self, waiting: Waiting) -> None:
        self._waiting, self._seen = waiting, time.monotonic()

    @property
    def waiting(self) -> Waiting:
        return self._waiting

    def judge(self) -> FleetHealth:
        """Failing while the queue is away or turns are long overdue; degraded where companies' turns fail."""
        waiting = self._waiting
        status: Status = "degraded" if waiting.failing else "ok"
        why = [f"The last turn of {count(len(waiting.failing), 'company', 'companies')} failed."] * bool(
            waiting.failing
        )
        if waiting.longest > LATE:
            status = "failing"
            why.insert(0, f"A turn has been due for {waiting.longest:.0f} s: more workers are needed.")
        if time.monotonic() > self._seen + _UNHEARD:
            status = "failing"
            why.insert(0, "The queue cannot be reached.")
        return FleetHealth(
            status=status,
            why=tuple(why),
            companies=waiting.companies,
            due=waiting.due,
            longest_due_seconds=round(waiting.longest, 3),
            failing=waiting.failing,
        )


class Known(Collector):
    """For `syncline.runtime.metrics.Metrics`."""

    def __init__(self, watched: Watched, heard: Calls) -> None:
        self._watched = watched
        self._heard = heard

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        waiting = self._watched.waiting
        yield gauge("companies", "Companies that are served.", waiting.companies)
        yield gauge("failing_companies", "Companies whose last turn failed.", len(waiting.failing))
        yield gauge("due_turns", "Turns that are due and not taken.", waiting.due)
        yield gauge("longest_due_turn_seconds", "For how long the oldest of them has been due.", waiting.longest)
        sides = sorted({*self._heard.heard, *self._heard.refused})
        yield calls(self._heard.heard, self._heard.refused, sides)
