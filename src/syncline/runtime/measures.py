"""How everything stands at a moment, in numbers: from the store, and from how the passes went. No personal data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from syncline.runtime.course import Course
from syncline.store import Overdue, Store, StoreLost

UNREADABLE = (StoreLost, SQLAlchemyError)
"""What a store raises that is away, or cannot be read."""


class FlowMeasures(Struct, frozen=True, kw_only=True):
    """``due`` is what is due by now, by side; ``parked`` by cause."""

    linked: int
    due: Mapping[str, Overdue]
    parked: Mapping[str, int]

    @property
    def behind(self) -> datetime | None:
        """Since when the longest due record is due."""
        return min((due.since for due in self.due.values()), default=None)

    @property
    def for_people(self) -> int:
        """How many are parked until a person does something."""
        return sum(number for cause, number in self.parked.items() if cause != "waiting")


class Measures(Struct, frozen=True, kw_only=True):
    """``started``, ``passed``, ``moved`` and ``failures`` as in `Course`; ``held`` are properties whose edits do not
    count until a person says so.
    """

    at: datetime
    started: datetime
    passed: datetime | None
    moved: datetime | None
    failures: int
    flows: Mapping[str, FlowMeasures]
    held: int


def measure(store: Store, flows: Collection[str], course: Course, now: datetime) -> Measures:
    """Costs the same however much is remembered. Raises one of `UNREADABLE` where the store fails."""
    return Measures(
        at=now,
        started=course.started,
        passed=course.passed,
        moved=course.moved,
        failures=course.failures,
        flows={flow: _of_flow(store, flow, now) for flow in flows},
        held=sum(hold.state == "held" for hold in store.holds()),
    )


def _of_flow(store: Store, flow: str, now: datetime) -> FlowMeasures:
    standing = store.standing(flow, now, most=1)
    return FlowMeasures(linked=standing.linked, due=store.overdue(flow, now), parked=standing.parked)
