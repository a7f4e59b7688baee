"""Of what people are alarmed, and how often: decided from numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncline.project.watched import Levels
from syncline.runtime.alerts import Alert, Raised, decide, ended
from syncline.runtime.measures import FlowMeasures, Measures
from syncline.store import Overdue

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LEVELS = Levels(lag=10 * MINUTE, parked=2, failures=3, lasting=MINUTE)


def measures(at: datetime, *, lag: timedelta | None = None, parked: int = 0, failures: int = 0) -> Measures:
    due = {"erp": Overdue(records=1, since=at - lag)} if lag else {}
    orders = FlowMeasures(linked=1, due=due, parked={"refused": parked, "waiting": 99})
    return Measures(at=at, started=NOON, passed=NOON, moved=None, failures=failures, flows={"orders": orders}, held=0)


def told(seconds: Mapping[int, Mapping[str, Any]], levels: Levels = LEVELS) -> list[tuple[int, str, bool]]:
    """When what was told, by what was measured when: after a restart each time, and so from JSON."""
    known: dict[str, Raised] = {}
    found: list[tuple[int, str, bool]] = []
    for second, each in seconds.items():
        alerts, after = decide(levels, measures(NOON + second * SECOND, **each), known)
        known = msgspec.json.decode(msgspec.json.encode(after), type=dict[str, Raised])
        found += [(second, alert.about, alert.well) for alert in alerts]
    return found


def test_a_level_that_is_passed_for_a_while_is_told_once_and_once_more_when_it_is_well_again() -> None:
    bad: Mapping[str, Any] = {"failures": 3}
    assert told({0: {}, 10: bad, 60: bad, 70: bad, 80: bad, 900: bad, 910: {}, 960: {}, 970: {}, 980: {}}) == [
        (70, "failures", False),
        (970, "failures", True),
    ]


def test_what_is_over_in_a_moment_is_nobodys_concern() -> None:
    bad: Mapping[str, Any] = {"parked": 3}
    assert told({0: bad, 50: bad, 60: {}, 70: bad, 120: bad, 125: {}}) == []
    assert told({0: bad, 60: bad, 70: {}, 80: bad, 90: {}, 149: {}}) == [(60, "parked", False)]


def test_at_the_level_it_is_still_well_but_so_many_failures_are_too_many() -> None:
    at: Mapping[str, Any] = {"lag": 10 * MINUTE, "parked": 2, "failures": 2}
    assert told({0: at, 600: at}) == []
    over: Mapping[str, Any] = {"lag": 10 * MINUTE + SECOND, "parked": 3, "failures": 3}
    assert told({0: over, 60: over}) == [(60, "lag", False), (60, "parked", False), (60, "failures", False)]


def test_with_no_time_to_last_it_is_told_at_once() -> None:
    assert told({0: {"parked": 3}}, replace(LEVELS, lasting=timedelta(0))) == [(0, "parked", False)]


def test_levels_that_are_not_said_are_not_looked_at_and_what_was_told_of_them_is_forgotten() -> None:
    none = Levels(lag=None, parked=None, failures=None, lasting=MINUTE)
    assert decide(none, measures(NOON, lag=99 * MINUTE, parked=9, failures=9), {"parked": Raised(told=True)}) == (
        (),
        {},
    )


def test_an_alert_says_what_was_measured_and_nothing_of_records() -> None:
    levels = replace(LEVELS, lasting=timedelta(0))
    alerts, after = decide(levels, measures(NOON, lag=12 * MINUTE, failures=4), {})
    assert alerts == (
        Alert(
            about="lag",
            flow="orders",
            well=False,
            text="The longest due record of orders has been due for 12 min (the level is 10 min).",
            value=720,
            level=600,
            at=NOON,
        ),
        Alert(
            about="failures",
            well=False,
            text="4 passes failed in a row (the level is 3).",
            value=4,
            level=3,
            at=NOON,
        ),
    )
    assert after == {"lag orders": Raised(told=True), "failures": Raised(told=True)}
    (first, second), after = decide(levels, measures(NOON), after)
    assert first.text == "It is well again: nothing of orders is due (the level is 10 min)."
    assert second.text == "It is well again: 0 passes failed in a row (the level is 3)."
    assert after == {}


def test_that_it_ended_is_told_once_however_often_it_is_started_until_a_pass_goes_well() -> None:
    (alert,), known = ended("customerp: the sign-in is refused.", {}, NOON)
    assert (alert.about, alert.well, alert.text) == (
        "ended",
        False,
        "syncline run has ended: customerp: the sign-in is refused.",
    )
    starting = replace(measures(NOON), passed=None)
    assert decide(LEVELS, starting, known) == ((), known)
    assert ended("customerp: the sign-in is refused.", known, NOON) == ((), known)
    (well,), after = decide(LEVELS, measures(NOON), known)
    assert (well.about, well.well, after) == ("ended", True, {})


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 4)), max_size=40))
def test_bad_and_well_alternate_and_are_never_told_in_haste(course: list[tuple[int, int]]) -> None:
    at, seen = 0, {}
    for pause, parked in course:
        at += pause
        seen[at] = {"parked": parked}
    found = told(seen)
    assert [well for *_, well in found] == [place % 2 == 1 for place in range(len(found))]
    times = [second for second, *_ in found]
    assert all(later - earlier >= 60 for earlier, later in pairwise(times))
