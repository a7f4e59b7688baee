"""How many edits of one property at once are too many."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from reconcile.agreement import FLOW
from syncline.reconcile.breaker import Count, Tally, trips
from syncline.records import Line, LineShadow, Row, Shadow, Value


@pytest.mark.parametrize(
    ("count", "linked", "expected"),
    [
        (Count(changed=30, blanked=30, same=30), 100, True),
        (Count(changed=20, blanked=20, same=20), 100, False),
        (Count(changed=10, blanked=10, same=10), 12, False),
        (Count(changed=1000, blanked=0, same=3), 1000, False),
        (Count(changed=600, blanked=0, same=600), 1000, True),
        (Count(changed=60, blanked=0, same=50), 60, False),
        (Count(changed=500, blanked=0, same=500), 1000, False),
    ],
)
def test_thresholds(count: Count, linked: int, expected: bool) -> None:
    assert trips(count, linked) is expected


def test_edits_are_counted_by_property_and_record() -> None:
    tally = Tally()
    before: dict[str, Value] = {"name": "N", "terms": "T", "balance": Decimal(5)}
    lines = tuple(LineShadow(line=x, id=x, values={"quantity": Decimal(1)}) for x in "ab")
    for terms in ("X", "Y", "X"):
        now: dict[str, Value] = {"name": None, "terms": terms, "balance": Decimal(0), "note": "not known before"}
        told = Row(values=now, lines=tuple(Line(id=x, values={"quantity": Decimal(0)}) for x in "abc"))
        tally.add(FLOW, "erp", told, Shadow(version=None, values=before, lines=lines))
    assert tally.counts == {
        ("header", "name"): Count(3, 3, 3),
        ("header", "terms"): Count(3, 0, 2),
        ("lines", "quantity"): Count(3, 3, 3),
    }, "of the balance erp is no source"


def test_what_is_not_told_is_not_emptied_nor_is_a_flag_that_is_off() -> None:
    tally = Tally()
    before: dict[str, Value] = {"terms": True, "note": Decimal(5)}
    lines = (LineShadow(line="a", id="a", values={"quantity": Decimal(1)}),)
    told = Row(values={"terms": False, "note": Decimal(7)})  # an order that does not tell its lines
    tally.add(FLOW, "erp", told, Shadow(version=None, values=before, lines=lines))
    assert tally.counts == {("header", "terms"): Count(1, 0, 1), ("header", "note"): Count(1, 0, 1)}
    headers = replace(FLOW, lines=None)
    tally.add(headers, "erp", replace(told, lines=(Line(id="a", values={"quantity": None}),)), Shadow(version=None))
    assert ("lines", "quantity") not in tally.counts
