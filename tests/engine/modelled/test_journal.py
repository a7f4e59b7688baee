"""What the journal tells of records that come and go, of what gave way, and what it gives when it is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.models import Models, between_models
from engine.telling import untold
from simulation.agreement import BC
from simulation.clock import EPOCH
from simulation.script import Fault
from syncline.engine.people.answering import answer
from syncline.engine.replay import Standing, as_told, replay
from syncline.records import LineShadow, LinkState, Ref, Shadow
from syncline.store import Action, Entry

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path) as found:
        yield found
        assert list(untold(found.store)) == []


def the_whole(models: Models, action: str, side: str, line: str | None = None) -> Shadow:
    (entry,) = (
        e
        for e in models.journal
        if (e.action, e.flow, e.line) == (action, "orders", line) and e.ref and e.ref.side == side
    )
    assert entry.whole is not None
    assert entry.flow == "orders"
    assert entry.link is not None
    return entry.whole


def values(shadow: Shadow) -> dict[str, Any]:
    return {name: value for name, value in shadow.values.items() if name not in ("customer", "product")}


def lines(shadow: Shadow) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (each.line, each.id, {name: value for name, value in each.values.items() if name != "product"})
        for each in shadow.lines
    ]


def test_a_record_and_a_line_that_come_are_told_whole(models: Models) -> None:
    models.order()
    models.sync()
    models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(1))
    models.sync()
    agreed, created = the_whole(models, "agreed", ERP), the_whole(models, "created", BC)
    assert values(agreed) == {"trace": "o1", "number": "ERP005", "text": "t", "total": None}
    assert values(created) == {"trace": "o1", "number": "ERP005", "text": "t"}
    assert lines(created) == [
        ("erp:erp-l7", "bc-l6", {"trace": "l1", "quantity": Decimal(2), "text": "lt"}),
        ("erp:erp-l9", "bc-l7", {"trace": "l2", "quantity": Decimal(3)}),
    ]
    (new,) = (e for e in models.journal if e.action == "created" and e.ref == Ref("orders", BC, "bc-o5") and not e.line)
    assert (new.new, new.origin, new.property) == ("ERP005", ERP, None)
    (name,) = (e.line for e in models.journal if e.action == "created" and e.line and e.ref and e.ref.side == BC)
    assert lines(the_whole(models, "created", BC, name)) == [(name, "bc-l9", {"trace": "l3", "quantity": Decimal(1)})]
    assert the_whole(models, "created", BC, name).version is None
    assert all(e.at > EPOCH for e in models.journal)


def test_a_line_that_syncline_removes_is_told_with_what_was_new_in_it(models: Models) -> None:
    models.order()
    models.sync()
    models.change(ERP, "c1", name="x")
    models.do("edit line", ERP, "orders", "o1", "l2", quantity=Decimal(5))
    models.do("remove line", BC, "orders", "o1", "l1")
    before = len(models.journal)
    models.sync()
    told = [each for each in models.told(before) if "orders" in each]
    assert told[:6] == [
        "erp/orders/erp-o5 updated total: 10 -> 6 (by bc, edited)",
        "erp/orders/erp-o5 edited erp:erp-l9 quantity: 3 -> 5 ()",
        "erp/orders/erp-o5 deleted erp:erp-l7 (by bc, ) whole",
        "bc/orders/bc-o5 edited total: 10 -> 6 ()",
        "bc/orders/bc-o5 updated erp:erp-l9 quantity: 3 -> 5 (by erp, edited)",
        "bc/orders/bc-o5 deleted erp:erp-l7 () whole",
    ]
    left, right = (the_whole(models, "deleted", side, "erp:erp-l7") for side in (ERP, BC))
    of_left = {"trace": "l1", "quantity": Decimal("2.5"), "text": "lt", "amount": Decimal(4)}
    assert lines(left) == [("erp:erp-l7", "erp-l7", of_left)]
    assert lines(right) == [("erp:erp-l7", "bc-l6", {**of_left, "quantity": Decimal(2)})]
    assert (left.values, left.version) == ({}, None)


def test_a_record_that_is_deleted_is_told_as_it_was_on_each_side(models: Models) -> None:
    models.order()
    models.sync()
    models.do("delete", BC, "orders", "o1")
    before = len(models.journal)
    models.sync(scanning=True, allow_deletions=True)
    assert models.told(before) == [
        "erp/orders/erp-o5 deleted (by bc, as it was in bc) whole",
        "bc/orders/bc-o5 deleted () whole",
    ]
    for side, quantity in ((ERP, Decimal("2.5")), (BC, Decimal(2))):
        whole = the_whole(models, "deleted", side)
        assert values(whole) == {"trace": "o1", "number": "ERP005", "text": "t", "total": Decimal(10)}
        assert [told["quantity"] for _, _, told in lines(whole)] == [quantity, Decimal(3)]
        assert [name for name, _, _ in lines(whole)] == ["erp:erp-l7", "erp:erp-l9"]


@pytest.mark.parametrize("feed", [False, True])
def test_a_record_that_a_person_lets_go_is_told_with_what_nobody_knew_yet(tmp_path: Path, feed: bool) -> None:
    """A system that is polled by time tells it again, unchanged: what the person said holds all the same."""
    with between_models(tmp_path, feed=feed) as models:
        models.order()
        models.sync()
        models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(7))
        models.do("edit", ERP, "orders", "o1", text="newest")
        models.do("delete", BC, "orders", "o1")
        models.sync(scanning=True, allow_deletions=True)
        answer(models.store, models.store.parked(), "delete", models.setup.now())
        models.sync(allow_deletions=True)
        whole = the_whole(models, "deleted", ERP)
        assert values(whole) == {"trace": "o1", "number": "ERP005", "text": "newest", "total": Decimal(10)}
        ours = [(name, id_, told["quantity"]) for name, id_, told in lines(whole)]
        assert ours[:2] == [("erp:erp-l7", "erp-l7", Decimal("2.5")), ("erp:erp-l9", "erp-l9", Decimal(3))]
        ((name, id_, quantity),) = ours[2:]
        assert (name, quantity) == (f"erp:{id_}", Decimal(7))


def test_what_gave_way_is_told_of_the_record_and_of_each_line(models: Models) -> None:
    models.order()
    models.sync()
    for side, text in ((BC, "right"), (ERP, "left")):
        models.do("edit", side, "orders", "o1", text=text)
        for line in ("l1", "l2"):
            models.do("edit line", side, "orders", "o1", line, text=f"{text} {line}")
        models.wait(seconds=1)
    before = len(models.journal)
    models.sync()
    assert [told for told in models.told(before) if " lost " in told] == [
        "bc/orders/bc-o5 lost text: right -> left (by erp, latest)",
        "bc/orders/bc-o5 lost erp:erp-l7 text: right l1 -> left l1 (by erp, latest)",
        "bc/orders/bc-o5 lost erp:erp-l9 text: right l2 -> left l2 (by erp, latest)",
    ]
    at = {e.at for e in models.journal[before:]}
    assert len(at) == 1


def test_nothing_is_lost_until_something_was_written(tmp_path: Path) -> None:
    busy = {f"2 {BC} update customers {n}": [Fault(name="busy", seconds=90)] for n in range(1, 9)}
    with between_models(tmp_path, busy) as models:
        models.create(ERP, "a", code="k1", phone="p")
        models.sync()
        models.change(BC, "a", phone="right")
        models.wait(seconds=1)
        models.change(ERP, "a", phone="left")
        before = len(models.journal)
        models.sync()
        assert models.told(before) == []
        models.wait(minutes=2)
        models.sync()
        assert models.told(before) == [
            f"{models.ref(ERP, 'a')} edited phone: p -> left ()",
            f"{models.ref(BC, 'a')} updated phone: right -> left (by erp, latest)",
            f"{models.ref(BC, 'a')} lost phone: right -> left (by erp, latest)",
        ]
        assert list(untold(models.store)) == []


# --- replayed


def entry(action: Action, side: str | None = ERP, link: str | None = "k", **told: Any) -> Entry:
    ref = Ref("f", side, f"{side}1") if side else None
    return Entry(at=EPOCH, flow="f", link=link, ref=ref, action=action, **told)


def line(name: str, **held: Any) -> LineShadow:
    return LineShadow(line=name, id=f"id {name}", version="w1", values=held)


WHOLE = Shadow(version="1", values={"a": 1}, lines=(line("l1", x=1, y=1), line("l2", x=2)))


def test_the_journal_gives_every_link_as_it_stands() -> None:
    found = replay(
        [
            entry("linked"),
            entry("agreed", whole=WHOLE),
            entry("created", BC, whole=WHOLE),
            entry("edited", property="a", new=2),
            entry("updated", BC, property="b", new=3),
            entry("edited", property="x", line="l1", new=5),
            entry("edited", property="x", line="gone", new=5),
            entry("deleted", BC, line="l2"),
            entry("deleted", BC, line="never"),
            entry("created", whole=Shadow(version=None, lines=(line("l3", x=9),)), line="l3"),
            entry("lost", property="a", old=7, new=8),
            entry("void", property="a", new=8),
            entry("parked"),
            entry("edited", link=None, property="a", new=9),
            entry("linked", link="second"),
            entry("resting", link="second"),
        ]
    )
    assert list(found) == ["k", "second"]
    assert found["k"] == Standing(
        members={ERP: "erp1", BC: "bc1"},
        state=LinkState.ACTIVE,
        values={ERP: {"a": 2}, BC: {"a": 1, "b": 3}},
        lines={
            ERP: {"l1": line("l1", x=5, y=1), "l2": line("l2", x=2), "l3": line("l3", x=9)},
            BC: {"l1": line("l1", x=1, y=1)},
        },
    )
    assert found["k"].shadow(BC) == Shadow(version=None, values={"a": 1, "b": 3}, lines=(line("l1", x=1, y=1),))
    assert found["second"].state is LinkState.RESTING


@pytest.mark.parametrize("action", ["deleted", "unlinked"])
def test_a_member_that_leaves_is_none_and_a_link_without_members_is_none(action: Action) -> None:
    told = [entry("agreed", whole=WHOLE), entry("created", BC, whole=WHOLE), entry(action, BC)]
    assert replay(told) == {
        "k": Standing(
            members={ERP: "erp1"}, values={ERP: {"a": 1}}, lines={ERP: {each.line: each for each in WHOLE.lines}}
        )
    }
    assert replay([*told, entry(action)]) == {}
    assert replay([*told, entry("unlinked", None)]) == {}
    assert list(replay([*told, entry(action), entry("linked", BC)])["k"].members) == [BC]


def test_the_state_of_a_link_is_the_last_that_was_told() -> None:
    told = [entry("linked"), entry("completed")]
    assert replay(told)["k"].state is LinkState.COMPLETED
    assert replay([*told, entry("edited", property="a", new=1)])["k"].state is LinkState.COMPLETED
    assert replay([*told, entry("linked")])["k"].state is LinkState.ACTIVE


def test_what_the_journal_does_not_tell_is_left_out_of_a_shadow() -> None:
    known = LineShadow(line="l1", id="1", version="w", values={"x": 1}, behind=frozenset({"x"}))
    shadow = Shadow(version="1", modified=EPOCH, values={"a": 1}, lines=(known,), behind=frozenset({"a"}))
    assert as_told(shadow) == ({"a": 1}, {"l1": LineShadow(line="l1", id="1", values={"x": 1})})
