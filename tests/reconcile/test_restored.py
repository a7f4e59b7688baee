"""Whether a system went back in time, and what is put back there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs
from msgspec.structs import replace

from reconcile.agreement import FLOW
from syncline.reconcile.merge import merge
from syncline.reconcile.restored import Look, look, made_again, put_back, put_back_only, went_back
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
    assert made_again(flow, {"name": "x"}, {"code": "a"}), "nothing tells them apart"


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


def test_what_a_page_left_out_is_put_back_as_it_is_remembered() -> None:
    """The other side told one property since, and none of its lines."""

    def line(id_: str, version: str | None) -> LineShadow:
        return LineShadow(line="a", id=id_, version=version, values={"item": "A", "quantity": Decimal(2)})

    known = {
        "erp": Shadow(version=None, values={"name": "New", "terms": "T2"}, lines=(line("e1", "7"),)),
        "bc": Shadow(version=None, values={"name": "New", "terms": "T2"}, lines=(line("b1", "8"),)),
    }
    then = (Line(id="b1", version="3", values={"item": "A", "quantity": Decimal(1)}),)
    told = {
        "bc": Row(values={"name": "Old", "terms": "T1", "note": "never told before"}, lines=then),
        "erp": Row(values={"name": "New"}),
    }
    decided = merge(FLOW, *put_back("bc", told, known), {})
    assert decided.writes == {"bc"} | {"erp"}, "a note that nobody knew of is news"
    assert decided.values_for("bc") == {"name": "New", "terms": "T2"}
    assert decided.values_for("erp") == {"note": "never told before"}
    (merged,) = decided.lines or ()
    assert merged.values_for("bc") == {"quantity": Decimal(2)}
    assert merged.versions == {"erp": "7", "bc": "3"}
    newer = (Line(id="e1", version="9", values={"item": "A", "quantity": Decimal(5)}),)
    decided = merge(FLOW, *put_back("bc", told | {"erp": Row(values={}, lines=newer)}, known), {})
    (merged,) = decided.lines or ()
    assert (merged.values_for("bc"), merged.versions["erp"]) == ({"quantity": Decimal(5)}, "9")


def test_a_line_that_was_to_go_everywhere_comes_back_once() -> None:
    """It was first seen on the side that was brought back, and had been removed there."""
    left = LineShadow(line="bc:b1", id="e1", values={"item": "A", "quantity": Decimal(2)})
    known = {"erp": Shadow(version=None, lines=(left,)), "bc": Shadow(version=None)}
    then = (Line(id="b1", values={"item": "A", "quantity": Decimal(2)}),)
    decided = merge(FLOW, *put_back("bc", {"bc": Row(values={}, lines=then)}, known), {})
    assert [dict(m.ids) for m in decided.lines or ()] == [{"erp": "e1", "bc": "b1"}]
    assert not decided.writes


def mass_change() -> tuple[dict[str, Row], dict[str, Shadow]]:
    """In bc the terms of the record and the quantity of its line are emptied; name and item are edited besides."""

    def line(id_: str) -> LineShadow:
        return LineShadow(line="a", id=id_, values={"item": "A", "quantity": Decimal(2)})

    values = {"name": "Ann", "terms": "T2"}
    known = {
        side: Shadow(version=None, values=values, lines=(line(id_),)) for side, id_ in (("erp", "e1"), ("bc", "b1"))
    }
    now = Line(id="b1", values={"item": "B", "quantity": None})
    new = Line(id="b2", values={"item": "C", "quantity": Decimal(1)})
    return {"bc": Row(values={"name": "Bob", "terms": None}, lines=(now, new))}, known


def test_of_a_rejected_mass_change_one_property_is_put_back_and_all_else_goes_on() -> None:
    decided = merge(FLOW, *put_back_only("bc", "header", "terms", *mass_change()), {})
    assert decided.values_for("bc") == {"terms": "T2"}
    assert decided.values_for("erp") == {"name": "Bob"}
    lines = {m.line: m for m in decided.lines or ()}
    assert lines["a"].values_for("erp") == {"item": "B", "quantity": None}
    assert lines["bc:b2"].add == {"erp"}


def test_of_a_rejected_mass_change_of_lines_too() -> None:
    decided = merge(FLOW, *put_back_only("bc", "lines", "quantity", *mass_change()), {})
    assert decided.values_for("bc") == {}
    assert decided.values_for("erp") == {"name": "Bob", "terms": None}
    lines = {m.line: m for m in decided.lines or ()}
    assert lines["a"].values_for("bc") == {"quantity": Decimal(2)}
    assert lines["a"].values_for("erp") == {"item": "B"}
    assert lines["bc:b2"].add == {"erp"}, "a line that is new has nothing to be put back to"


@pytest.mark.parametrize(("within", "name"), [("header", "terms"), ("lines", "quantity")])
def test_what_the_other_side_says_and_the_lines_that_go_are_as_ever(within: str, name: str) -> None:
    told, known = mass_change()
    gone = replace(told["bc"], lines=())
    decided = merge(FLOW, *put_back_only("bc", within, name, {"bc": gone, "erp": Row(values={"note": "n"})}, known), {})
    assert decided.values_for("bc")["note"] == "n"
    assert [m.remove for m in decided.lines or ()] == [{"erp"}]


@pytest.mark.parametrize(("within", "name"), [("header", "note"), ("header", "name"), ("lines", "quantity")])
def test_what_was_not_changed_at_all_is_not_put_back(within: str, name: str) -> None:
    """A property that is not told, one that is not known, and lines that are not told."""
    known = {"erp": shadow(terms="T2", note="n"), "bc": shadow(terms="T2", note="n")}
    told = {"bc": Row(values={"terms": "T3", "name": "Ann"})}
    decided = merge(FLOW, *put_back_only("bc", within, name, told, known), {})
    assert decided.values_for("bc") == {}
    assert decided.values_for("erp") == {"terms": "T3", "name": "Ann"}
