"""What is remembered of a side, and what of a write has arrived there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from reconcile.agreement import FLOW, PROPERTIES, SIDES
from syncline.reconcile.merge import Decision, LineMerge, Merge, Reason
from syncline.reconcile.settle import Delivered, Told, landed, passed_on, settle
from syncline.records import Line, LineShadow, Row, Shadow, Value


def test_what_landed_is_told_as_the_side_spells_it() -> None:
    sent = {"code": "ab", "name": "Anna Karlsson", "terms": "30D", "note": "n"}
    now = {"code": "AB", "name": "Anna ", "terms": "14D", "phone": "1"}
    assert landed(PROPERTIES, "bc", sent, now) == {"code": "AB", "name": "Anna "}
    assert landed(PROPERTIES, "erp", sent, now) == {}, "it keeps names whole and codes as they are"


def test_what_was_passed_on_is_told_as_the_side_spells_it_where_it_came_from() -> None:
    stands = {"code": "AB", "name": "Anna ", "terms": "14D", "phone": "1"}
    held = {"code": "ab", "name": "Anna Karlsson", "terms": "30D", "note": "n"}
    assert passed_on(PROPERTIES, "bc", stands, held) == {"code": "ab", "name": "Anna Karlsson"}
    assert passed_on(PROPERTIES, "erp", stands, held) == {}


def test_the_newest_version_that_is_known_is_remembered() -> None:
    """That of the write's answer, else that which was seen, else that of before."""

    def told(n: int) -> Told:
        return Told(version=str(n), modified=datetime(2026, 1, n, tzinfo=UTC))

    def remembered(**how: dict[str, int]) -> dict[str, tuple[str | None, int | None]]:
        before = {s: Shadow(version=told(n).version, modified=told(n).modified) for s, n in how["before"].items()}
        seen = {side: told(n) for side, n in how.get("seen", {}).items()}
        delivered = {side: Delivered(told=told(n), row=Row(values={})) for side, n in how.get("done", {}).items()}
        found = settle(FLOW, Merge(), before, seen, delivered)
        return {
            side: (shadow.version, shadow.modified.day if shadow.modified else None) for side, shadow in found.items()
        }

    assert remembered(before={"erp": 1, "bc": 2}) == {"erp": ("1", 1), "bc": ("2", 2)}
    assert remembered(before={"erp": 1, "bc": 2}, seen={"bc": 3}) == {"erp": ("1", 1), "bc": ("3", 3)}
    assert remembered(before={"erp": 1}, seen={"erp": 3}, done={"bc": 4}) == {"erp": ("3", 3), "bc": ("4", 4)}
    assert remembered(before={"erp": 1}, seen={"bc": 3}, done={"bc": 4}) == {"erp": ("1", 1), "bc": ("4", 4)}
    assert remembered(before={}, seen={"bc": 3}) == {"bc": ("3", 3)}


SENT = Decision(
    property="code",
    value="ab",
    origin="erp",
    reason=Reason.EDITED,
    writes=frozenset({"bc"}),
    now={"erp": "ab", "bc": "OLD"},
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Row(values={"code": "AB-1"}), "AB-1"),  # what the side made of it
        (Row(values={}), "AB"),  # what it would make of it
        (None, "AB"),
    ],
)
def test_what_was_written_is_remembered_as_its_answer_tells_it(answer: Row | None, expected: str) -> None:
    before = {side: Shadow(version=None, values={"code": "OLD", "note": "n"}) for side in SIDES}
    delivered = {"bc": Delivered(told=Told(version="2", modified=None), row=answer)}
    found = settle(FLOW, Merge(decisions=(SENT,)), before, {}, delivered)
    assert found["bc"].values == {"code": expected, "note": "n"}
    assert found["erp"].values == {"code": "ab", "note": "n"}
    waiting = settle(FLOW, Merge(decisions=(SENT,)), before, {}, {})
    assert [shadow.values["code"] for shadow in waiting.values()] == ["OLD", "OLD"], "the edit stays an edit"


def test_of_several_writes_of_which_some_are_done_the_others_are_behind() -> None:
    """What was passed on is known then, and nothing is behind any more once all have it."""
    decision = replace(SENT, writes=frozenset({"bc", "crm"}), now={"erp": "ab", "bc": "OLD", "crm": "old"})
    sides = ("erp", "bc", "crm")
    flow = replace(FLOW, sides=dict.fromkeys(sides, FLOW.sides["erp"]))
    done = Delivered(told=Told(version="2", modified=None), row=Row(values={"code": "AB"}))

    def told(shadows: dict[str, Shadow]) -> dict[str, tuple[Value, list[str]]]:
        return {side: (shadow.values["code"], sorted(shadow.behind)) for side, shadow in shadows.items()}

    before = {side: Shadow(version=None, values={"code": "old"}, behind=frozenset({"note"})) for side in sides}
    partly = settle(flow, Merge(decisions=(decision,)), before, {}, {"bc": done})
    assert told(partly) == {"erp": ("ab", ["note"]), "bc": ("AB", ["note"]), "crm": ("old", ["code", "note"])}
    again = settle(flow, Merge(decisions=(replace(decision, writes=frozenset({"crm"})),)), partly, {}, {})
    assert told(again) == told(partly)
    crm = replace(done, row=None)
    last = settle(flow, Merge(decisions=(replace(decision, writes=frozenset({"crm"})),)), partly, {}, {"crm": crm})
    assert told(last) == {"erp": ("ab", ["note"]), "bc": ("OLD", ["note"]), "crm": ("ab", ["note"])}


# --- lines


def known(*sides: str) -> dict[str, Shadow]:
    """Two lines, a and z, of which a is known on these sides only."""
    return {
        side: Shadow(
            version=None,
            lines=tuple(
                LineShadow(line=x, id=f"{side}-{x}", version="1", values={"item": x.upper(), "quantity": 1})
                for x in ("a", "z")
                if x == "z" or side in sides
            ),
        )
        for side in SIDES
    }


BOTH = LineMerge(line="z", ids={"erp": "erp-z", "bc": "bc-z"}, versions={})
REMOVED = LineMerge(line="a", ids={"bc": "bc-a"}, versions={}, remove=frozenset({"bc"}))
ADDED = LineMerge(line="a", ids={"erp": "erp-a"}, versions={"erp": "1"}, add=frozenset({"bc"}))
ALONE = LineMerge(line="a", ids={"erp": "erp-a"}, versions={})


@pytest.mark.parametrize(
    ("merged", "before", "done", "expected"),
    [
        (REMOVED, known(*SIDES), False, {"erp": "erp-a", "bc": "bc-a"}),  # it must still be seen as removed
        (REMOVED, known(*SIDES), True, {}),
        (ADDED, known(), False, {}),  # until it is everywhere it stays new
        (ADDED, known(), True, {"erp": "erp-a", "bc": "new"}),
        (ADDED, known("bc"), True, {"erp": "erp-a", "bc": "new"}),  # it comes back to where it had been removed
        (ADDED, known(*SIDES), False, {"erp": "erp-a", "bc": "bc-a"}),
        (ALONE, known(*SIDES), False, {"erp": "erp-a"}),  # bc takes no writes any more: there it is gone
    ],
)
def test_lines_are_remembered_where_they_are(
    merged: LineMerge, before: dict[str, Shadow], done: bool, expected: dict[str, str]
) -> None:
    added = {"a": "new"} if merged.add else {}
    delivered = {"bc": Delivered(told=Told(version=None, modified=None), row=None, added=added)} if done else {}
    found = settle(FLOW, Merge(lines=(merged, BOTH)), before, {}, delivered)
    assert {side: line.id for side, shadow in found.items() for line in shadow.lines if line.line == "a"} == expected
    last = {side: (shadow.lines[-1].id, shadow.lines[-1].version) for side, shadow in found.items()}
    assert last == {"erp": ("erp-z", "1"), "bc": ("bc-z", "1")}, "of which nothing new was told"


def test_a_line_is_remembered_as_the_answer_tells_it() -> None:
    quantity = Decision(
        property="quantity",
        value=5,
        origin="erp",
        reason=Reason.EDITED,
        writes=frozenset({"bc"}),
        now={"erp": 5, "bc": 1},
    )
    line = LineMerge(
        line="a", ids={"erp": "erp-a", "bc": "bc-a"}, versions={"erp": "2", "bc": "3"}, decisions=(quantity,)
    )

    def remembered(row: Row | None) -> dict[str, tuple[str | None, Value]]:
        delivered = {"bc": Delivered(told=Told(version=None, modified=None), row=row)}
        found = settle(FLOW, Merge(lines=(line, BOTH)), known(*SIDES), {}, delivered)
        return {side: (shadow.lines[0].version, shadow.lines[0].values["quantity"]) for side, shadow in found.items()}

    answered = Row(values={}, lines=(Line(id="bc-a", version="4", values={"quantity": 6}),))
    assert remembered(answered) == {"erp": ("2", 5), "bc": ("4", 6)}
    assert remembered(Row(values={})) == remembered(None) == {"erp": ("2", 5), "bc": ("3", 5)}


def test_lines_that_nobody_told_are_remembered_as_they_were() -> None:
    before = known(*SIDES)
    assert settle(FLOW, Merge(), before, {}, {}) == before
    assert settle(replace(FLOW, lines=None), Merge(lines=()), before, {}, {}) == before
