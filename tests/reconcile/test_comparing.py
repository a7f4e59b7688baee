"""Whether a record still says what is remembered of it, and whether two sides say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from reconcile.agreement import FLOW, prop
from syncline.mapping.model import Flow, Side
from syncline.reconcile.compare import Disagreement, disagreements, unchanged
from syncline.records import Line, LineShadow, Ref, Row, Shadow, Value, Values

KNOWN = Shadow(
    version="1",
    values={"name": "Ann", "terms": None},
    lines=tuple(LineShadow(line=x, id=x, values={"quantity": n}) for x, n in (("a", 1), ("b", 2))),
)
LINES = (Line(id="b", values={"quantity": 2}), Line(id="a", values={"quantity": 1}))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Row(values={"name": "Ann", "terms": None}, lines=LINES), True),
        (Row(values={"name": "Ann"}), True),  # what is not told is not changed
        (Row(values={"name": "Bob", "terms": None}), False),
        (Row(values={"name": "Ann", "note": None}), False),  # that it is empty was not known
        (Row(values={}, lines=LINES[:1]), False),
        (Row(values={}, lines=(*LINES, Line(id="c", values={}))), False),
        (Row(values={}, lines=(LINES[0], Line(id="a", values={"quantity": 3}))), False),
        (Row(values={"name": "Bob"}, lines=LINES), False),
        (Row(values={}, waits=(Ref("customers", "erp", "1"),)), False),
        (Row(values={}, problems={"name": "is too long"}), False),
    ],
)
def test_a_record_is_unchanged_when_all_that_it_tells_is_known(told: Row, expected: bool) -> None:
    assert unchanged(told, KNOWN) is expected


def test_an_order_that_lost_its_last_line_has_changed() -> None:
    assert not unchanged(Row(values={}, lines=()), KNOWN)
    assert unchanged(Row(values={}, lines=()), replace(KNOWN, lines=()))


def differing(
    erp: Values, bc: Values, flow: Flow = FLOW, shadows: Mapping[str, Values] | None = None
) -> list[str | None]:
    """The properties in which the two sides do not agree."""
    known = {side: Shadow(version=None, values=values) for side, values in (shadows or {}).items()}
    return [d.property for d in disagreements(flow, {"erp": Row(values=erp), "bc": Row(values=bc)}, known)]


@pytest.mark.parametrize(
    ("name", "erp", "bc", "agree"),
    [
        ("terms", "x", "x", True),
        ("terms", "x", "y", False),
        ("terms", "x", None, False),
        ("name", "Anna Karlsson", "Anna ", True),  # as bc spells it
        ("name", "Anna ", "Anna Karlsson", False),  # bc would never hold that
        ("code", "ab", "AB", True),
        ("balance", "1", "2", False),  # bc sends it to erp
        ("number", "1", "2", True),  # each numbers its records by itself
        ("number", "1", None, False),  # but what is empty is filled
        ("number", None, "1", False),
        ("phone", "1", None, True),  # what is emptied does not travel
        ("phone", None, "1", True),
        ("phone", "1", "2", False),
    ],
)
def test_two_sides_agree_when_nothing_would_be_sent(name: str, erp: Value, bc: Value, agree: bool) -> None:
    assert differing({name: erp}, {name: bc}) == ([] if agree else [name])


def test_what_one_side_does_not_tell_is_not_compared() -> None:
    assert differing({"terms": "x", "note": "n"}, {"name": "Ann", "note": "m"}) == ["note"]


def with_property(name: str, **more: Any) -> Flow:
    return replace(FLOW, properties={**FLOW.properties, name: prop(name, **more)})


def test_what_goes_nowhere_may_differ() -> None:
    """Nor may a side be filled, or count as emptied, that takes no part in that."""
    assert differing({"x": "1"}, {"x": "2"}, with_property("x", targets=frozenset())) == []
    to_bc = {"sources": frozenset({"erp"}), "targets": frozenset({"bc"})}
    assert differing({"x": None}, {"x": "2"}, with_property("x", when_create=True, **to_bc)) == []
    assert differing({"x": "1"}, {"x": None}, with_property("x", when_create=True, **to_bc)) == ["x"]
    assert differing({"x": "1"}, {"x": None}, with_property("x", keep_filled=True, **to_bc)) == ["x"]
    assert differing({"x": None}, {"x": "2"}, with_property("x", keep_filled=True, **to_bc)) == []


def three_sides() -> Flow:
    """A third side keeps the terms alone."""
    terms = FLOW.properties["terms"]
    columns = {**terms.columns, "crm": terms.columns["erp"]}
    everywhere = replace(terms, columns=columns, sources=frozenset(columns), targets=frozenset(columns))
    return replace(
        FLOW,
        sides={**FLOW.sides, "crm": Side(system="crm", entity="orders")},
        properties={**FLOW.properties, "terms": everywhere},
        lines=None,
    )


def test_each_side_is_told_as_it_spells_it_and_every_property_once() -> None:
    """Of three systems two agree. A property that one of them does not keep is not compared with it."""
    rows = {
        "crm": Row(values={"terms": "x", "note": "of crm"}),
        "erp": Row(values={"terms": "x", "note": "n", "name": "Ann"}),
        "bc": Row(values={"terms": "y", "note": "m", "name": "Bob"}),
    }
    assert disagreements(three_sides(), rows, {}) == [
        Disagreement(property="name", sides=frozenset({"erp", "bc"}), values={"erp": "Ann", "bc": "Bob"}),
        Disagreement(property="terms", sides=frozenset({"crm", "bc"}), values={"crm": "x", "erp": "x", "bc": "y"}),
        Disagreement(property="note", sides=frozenset({"erp", "bc"}), values={"erp": "n", "bc": "m"}),
    ]


def test_a_line_is_told_by_its_place() -> None:
    """By what it says, where it is on both sides; as a whole, where it is on one."""
    known = {
        side: Shadow(
            version=None,
            lines=tuple(LineShadow(line=x, id=f"{side}-{x}", values={"item": x, "quantity": 1}) for x in "ab"),
        )
        for side in ("erp", "bc")
    }

    def line(id_: str, quantity: int) -> Line:
        return Line(id=id_, values={"item": id_[-1], "quantity": quantity})

    rows = {
        "erp": Row(values={"name": "Ann"}, lines=(line("erp-a", 1), line("erp-b", 2), line("erp-c", 1))),
        "bc": Row(values={"name": "Bob"}, lines=(line("bc-a", 1), line("bc-b", 1))),
    }
    assert disagreements(FLOW, rows, known) == [
        Disagreement(property="name", sides=frozenset({"erp", "bc"}), values={"erp": "Ann", "bc": "Bob"}),
        Disagreement(
            property="quantity", sides=frozenset({"erp", "bc"}), values={"erp": 2, "bc": 1}, line="b", number=2
        ),
        Disagreement(property=None, sides=frozenset({"erp"}), values={}, line="erp:erp-c", number=3),
    ]
    untold = rows | {"bc": Row(values={"name": "Ann"})}
    assert disagreements(FLOW, untold, known) == [], "lines that a side does not tell are not compared"


def read_only(flow: Flow, side: str) -> Flow:
    return replace(flow, sides={**flow.sides, side: replace(flow.sides[side], write=False)})


def test_a_side_that_is_only_read_may_differ_in_what_it_is_known_to_hold() -> None:
    flow = read_only(FLOW, "bc")
    erp: Values = {"terms": "x"}
    bc: Values = {"terms": "y"}
    assert differing(erp, bc, flow) == ["terms"]
    assert differing(erp, bc, flow, {"erp": erp, "bc": bc}) == []
    assert differing(erp, bc, flow, {"erp": {"terms": "w"}, "bc": bc}) == ["terms"], "an edit that is still to travel"
    assert differing(erp, bc, flow, {"erp": erp, "bc": {"terms": "z"}}) == ["terms"]
    assert differing(erp, bc, flow, {"erp": erp}) == differing(erp, bc, flow, {"erp": erp, "bc": {}}) == ["terms"]
    assert differing(erp, bc, FLOW, {"erp": erp, "bc": bc}) == ["terms"], "a side that is written must not"


def test_so_may_its_lines() -> None:
    lines = {"erp": Line(id="e", values={"quantity": 1}), "bc": Line(id="b", values={"quantity": 2})}
    rows = {side: Row(values={}, lines=(line,)) for side, line in lines.items()}
    known = {
        side: Shadow(version=None, lines=(LineShadow(line="a", id=line.id, values=line.values),))
        for side, line in lines.items()
    }
    assert disagreements(read_only(FLOW, "bc"), rows, known) == []
    assert [d.property for d in disagreements(FLOW, rows, known)] == ["quantity"]


def test_what_others_disagree_on_is_told_beside_a_side_that_is_only_read() -> None:
    values = {"erp": "x", "bc": "y", "crm": "z"}
    rows = {side: Row(values={"terms": value}) for side, value in values.items()}
    known = {side: Shadow(version=None, values=rows[side].values) for side in rows}
    (told,) = disagreements(read_only(three_sides(), "bc"), rows, known)
    assert (told.property, sorted(told.sides)) == ("terms", ["crm", "erp"])
