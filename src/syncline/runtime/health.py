"""Whether it does well, and why, judged from what was measured. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from syncline.engine.people.words import count, lasts
from syncline.runtime.course import Course
from syncline.runtime.measures import FlowMeasures, Measures

Status: TypeAlias = Literal["ok", "degraded", "failing"]


class FlowHealth(Struct, frozen=True, kw_only=True):
    """``lag`` is for how many seconds the longest due record has been due; ``parked`` is by cause."""

    lag: float
    due: int
    parked: Mapping[str, int]
    linked: int


class Health(Struct, frozen=True, kw_only=True):
    """``why`` are sentences for people. ``passed`` is when a pass last went well, ``failures`` how many failed since.

    ``store`` is whether the store can be read; if not, ``flows`` is empty.
    """

    status: Status
    why: tuple[str, ...]
    started: datetime
    passed: datetime | None
    failures: int
    store: bool
    flows: Mapping[str, FlowHealth]


def judge(measures: Measures, failing_after: timedelta) -> Health:
    """Failing once no pass went well for so long; degraded where passes fail, fall behind or hold edits.

    Records that are parked are told, and make nothing worse: one bad record is for a person, and holds up nobody.
    """
    quiet = _quiet(measures)
    troubles: list[str] = []
    if measures.failures:
        times = "The last pass" if measures.failures == 1 else f"The last {measures.failures} passes"
        troubles.append(f"{times} failed.")
    troubles += [
        f"The longest due record of {flow} has been due for {lasts(lag)}."
        for flow, of in measures.flows.items()
        if (lag := _lag(of, measures.at)) > failing_after
    ]
    if measures.held:
        troubles.append(f"The edits of {count(measures.held, 'property', 'properties')} are held for a person.")
    for_people = sum(flow.for_people for flow in measures.flows.values())
    parked = [f"{count(for_people, 'record is', 'records are')} parked for a person."] if for_people else []
    if quiet > failing_after:
        status: Status = "failing"
        troubles.insert(0, f"No pass went well for {lasts(quiet)}.")
    else:
        status = "degraded" if troubles else "ok"
    return Health(
        status=status,
        why=(*troubles, _last(measures), *parked),
        started=measures.started,
        passed=measures.passed,
        failures=measures.failures,
        store=True,
        flows={flow: _of_flow(of, measures.at) for flow, of in measures.flows.items()},
    )


def unreadable(course: Course) -> Health:
    """The store cannot be read: no pass will go well."""
    return Health(
        status="failing",
        why=("The store cannot be read.",),
        started=course.started,
        passed=course.passed,
        failures=course.failures,
        store=False,
        flows={},
    )


def _quiet(measures: Measures) -> timedelta:
    """Since when nothing good is known. A pass under way that gets on is well, unless the ones before it failed: these
    may get on up to the same place each time.
    """
    moved = measures.moved if not measures.failures else None
    return measures.at - max(each for each in (measures.started, measures.passed, moved) if each is not None)


def _last(measures: Measures) -> str:
    if measures.passed is None:
        return "No pass has gone well yet."
    return f"The last pass that went well ended {lasts(measures.at - measures.passed)} ago."


def _of_flow(of: FlowMeasures, now: datetime) -> FlowHealth:
    due = sum(each.records for each in of.due.values())
    return FlowHealth(lag=_lag(of, now).total_seconds(), due=due, parked=of.parked, linked=of.linked)


def _lag(of: FlowMeasures, now: datetime) -> timedelta:
    return now - of.behind if of.behind is not None else timedelta(0)
