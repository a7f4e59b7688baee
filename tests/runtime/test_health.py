"""How it does, judged from numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from syncline.runtime.course import Course
from syncline.runtime.health import judge, unreadable
from syncline.runtime.measures import FlowMeasures, Measures
from syncline.store import Overdue

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LONG = 15 * MINUTE


def measures(**told: Any) -> Measures:
    """A minute after noon, an hour after the start, with a pass that went well ten seconds ago."""
    now = NOON + MINUTE
    well = Measures(
        at=now, started=now - 60 * MINUTE, passed=now - 10 * SECOND, moved=None, failures=0, flows={}, held=0
    )
    return replace(well, **told)


def flow(due: dict[str, Overdue] | None = None, parked: dict[str, int] | None = None) -> FlowMeasures:
    return FlowMeasures(linked=7, due=due or {}, parked=parked or {})


def test_all_is_well() -> None:
    health = judge(measures(flows={"customers": flow()}), LONG)
    assert (health.status, health.why) == ("ok", ("The last pass that went well ended 10 s ago.",))
    assert health.store
    assert health.flows["customers"].lag == 0
    assert health.flows["customers"].linked == 7


def test_failures_in_a_row_degrade_it_and_too_long_without_a_good_pass_fails_it() -> None:
    bad = measures(failures=3)
    assert judge(bad, LONG).status == "degraded"
    assert judge(bad, LONG).why[0] == "The last 3 passes failed."
    old = replace(bad, passed=bad.at - LONG)
    assert judge(old, LONG).status == "degraded"
    older = replace(bad, passed=bad.at - LONG - SECOND)
    assert judge(older, LONG).status == "failing"
    assert judge(older, LONG).why[:2] == ("No pass went well for 15 min.", "The last 3 passes failed.")


def test_the_first_pass_may_take_as_long_as_it_gets_on() -> None:
    first = measures(passed=None, moved=NOON)
    assert judge(first, LONG).status == "ok"
    assert judge(first, LONG).why == ("No pass has gone well yet.",)
    assert judge(replace(first, moved=NOON - LONG), LONG).status == "failing"
    assert judge(replace(first, failures=1), LONG).status == "failing"  # it gets on to the same place each time


def test_who_falls_behind_is_named() -> None:
    late = Overdue(records=2, since=NOON - 20 * MINUTE)
    health = judge(measures(flows={"orders": flow(due={"erp": late}), "customers": flow()}), LONG)
    assert health.status == "degraded"
    assert health.why[0] == "The longest due record of orders has been due for 21 min."
    assert health.flows["orders"].lag == 21 * 60
    assert health.flows["orders"].due == 2


@pytest.mark.parametrize(
    ("parked", "told"),
    [
        ({"refused": 1}, ("1 record is parked for a person.",)),
        ({"refused": 1, "conflict": 2, "waiting": 9}, ("3 records are parked for a person.",)),
        ({"waiting": 9}, ()),
    ],
)
def test_what_is_parked_is_told_and_no_failure(parked: dict[str, int], told: tuple[str, ...]) -> None:
    health = judge(measures(flows={"customers": flow(parked=parked)}), LONG)
    assert health.status == "ok"
    assert health.why[1:] == told
    assert health.flows["customers"].parked == parked


def test_held_edits_are_for_a_person_to_see() -> None:
    health = judge(measures(held=1), LONG)
    assert (health.status, health.why[0]) == ("degraded", "The edits of 1 property are held for a person.")


def test_without_a_store_it_fails() -> None:
    course = Course()
    course.failed()
    health = unreadable(course)
    assert (health.status, health.store, health.failures) == ("failing", False, 1)


def test_the_course_of_passes() -> None:
    times = iter(NOON + n * SECOND for n in range(9))
    course = Course(lambda: next(times))
    course.reading("customers", "erp", 3, None)
    assert (course.started, course.moved, course.passed) == (NOON, NOON + SECOND, None)
    course.failed()
    course.failed()
    assert course.failures == 2
    course.working("customers", 1, 2)
    course.went_well()
    assert (course.moved, course.passed, course.failures) == (NOON + 2 * SECOND, NOON + 3 * SECOND, 0)
