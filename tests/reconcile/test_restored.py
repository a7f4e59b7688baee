"""Whether a system went back in time, and what is put back there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from reconcile.agreement import FLOW
from syncline.reconcile.merge import merge
from syncline.reconcile.restored import Look, look, made_again, put_back, went_back
from syncline.records import Line, LineShadow, Record, Row, Shadow

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
STANDS, NEWER, OLDER, GONE = Look.STANDS, Look.NEWER, Look.OLDER, Look.GONE


@pytest.mark.parametrize(
    ("modified", "expected"),
    [(NOON, STANDS), (NOON + timedelta(seconds=1), NEWER), (NOON - timedelta(seconds=1), OLDER), (None, STANDS)],
)
def test_a_record_beside_what_is_remembered_of_it(modified: datetime | None, expected: Look) -> None:
    record = Record(id="1", version=None, modified=modified, fields={})
    assert look(record, Shadow(version=None, modified=NOON)) is expected
    assert look(record, Shadow(version=None, modified=None)) is STANDS
    assert look(None, Shadow(version=None, modified=NOON)) is GONE


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([], False),
        ([STANDS, OLDER, GONE, GONE, GONE], False),
        ([OLDER, STANDS], True),
        ([GONE, OLDER], True),
        ([NEWER, NEWER, OLDER], True),
        ([GONE, GONE, STANDS], False),
        ([GONE, NEWER, GONE, GONE], True),
        ([NEWER, NEWER, NEWER], False),
        ([GONE, GONE], False),
    ],
)
def test_a_backup_lacks_everything_from_some_moment_on(looks: list[Look], expected: bool) -> None:
    assert went_back(looks) is expected


def test_the_strongest_key_says_whether_a_record_was_made_again() -> None:
    numbered = structs.replace(FLOW.match[0], properties=("number",))
    flow = structs.replace(FLOW, match=(structs.replace(numbered, properties=("code",)), numbered))
    assert made_again(flow, {"code": "a", "number": "2"}, {"code": "a", "number": "1"})
    assert not made_again(flow, {"code": "b", "number": "1"}, {"code": "a", "number": "1"})
    assert made_again(flow, {"number": "1"}, {"code": "a", "number": "1"})
    assert not made_again(flow, {"number": "1", "name": "x"}, {"number": "1", "name": "y"}), "a number given anew"
    assert made_again(flow, {"number": "1", "name": "x"}, {"number": "1", "name": "x"})


def shadow(**values: str | Decimal | None) -> Shadow:
    return Shadow(version="1", modified=NOON, values=values)


def test_what_a_side_has_forgotten_is_written_there_and_nowhere_else() -> None:
    known = {"erp": shadow(name="New", terms="T2", note=None), "bc": shadow(name="New", terms="T2", note=None)}
    told = {"bc": Row(values={"name": "Old", "terms": "T1", "note": "old"})}
    decided = merge(FLOW, *put_back("bc", told, known), {})
    assert decided.writes == {"bc"}
    assert decided.values_for("bc") == {"name": "New", "terms": "T2", "note": None}
    assert not decided.conflicts


def test_what_the_other_side_edited_since_is_written_too() -> None:
    known = {"erp": shadow(name="New", code="a"), "bc": shadow(name="New", code="A")}
    told = {"bc": Row(values={"name": "Old", "code": "A"}), "erp": Row(values={"name": "New", "code": "b"})}
    decided = merge(FLOW, *put_back("bc", told, known), {})
    assert decided.values_for("bc") == {"name": "New", "code": "b"}
    assert decided.writes == {"bc"}


def test_lines_come_back_and_go_again() -> None:
    def line(name: str, id_: str, quantity: int) -> LineShadow:
        return LineShadow(line=name, id=id_, values={"item": name.upper(), "quantity": Decimal(quantity)})

    assert FLOW.lines is not None
    erp = Shadow(version=None, lines=(line("a", "e1", 2), line("b", "e2", 1)))
    bc = Shadow(version=None, lines=(line("a", "b1", 2), line("b", "b2", 1)))
    then = (  # the line b was not there yet, another one still was
        Line(id="b1", values={"item": "A", "quantity": Decimal(1)}),
        Line(id="b9", values={"item": "Z", "quantity": Decimal(5)}),
    )
    decided = merge(FLOW, *put_back("bc", {"bc": Row(values={}, lines=then)}, {"erp": erp, "bc": bc}), {})
    assert decided.writes == {"bc"}
    lines = {m.line: m for m in decided.lines or ()}
    assert lines["a"].values_for("bc") == {"quantity": Decimal(2)}
    assert lines["b"].add == {"bc"}
    assert lines["bc:b9"].remove == {"bc"}
