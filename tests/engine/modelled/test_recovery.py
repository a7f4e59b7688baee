"""What becomes of a write whose answer was lost: it is looked for, known for our own, and never made twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.models import between_models
from engine.telling import untold
from simulation.agreement import BC
from simulation.script import Act, Event, Fault
from syncline.connectors.base import ConnectorError
from syncline.engine.people.joining import keep_apart
from syncline.mapping.model import MatchKey
from syncline.records import Create
from syncline.store import Intent, Memory

ERP = "erp"
CUT = Fault(name="cut")
LOST = "found after its answer was lost"


def edit(side: str, trace: str, **values: str) -> Act:
    return Act(verb="edit", side=side, entity="customers", trace=trace, values=values)


# --- updates


def test_an_update_whose_answer_was_lost_is_known_as_ours_on_both_sides(tmp_path: Path) -> None:
    cut: dict[str, Sequence[Event]] = {f"2 {BC} update customers, answer {n}": [CUT] for n in (1, 2)}
    with between_models(tmp_path, cut) as models:
        for trace in ("a", "b"):
            models.create(ERP, trace, code=trace, phone="p", credit=Decimal(1))
        models.sync()
        models.change(BC, "a", name="theirs")
        for trace in ("a", "b"):
            models.change(ERP, trace, name=f"ours {trace}", credit=Decimal("2.5"))
        before, began = len(models.journal), models.setup.now()
        result = models.sync()
        assert models.setup.now() - began < models.setup.settling, "what stands is known at once"
        left, right = models.ref(ERP, "a"), models.ref(BC, "a")
        of_a = [told for told in models.told(before) if told.startswith((str(left), str(right)))]
        assert of_a == [
            f"{left} updated search: A -> THEIRS (by bc, edited)",
            f"{right} edited search: A -> THEIRS ()",
            f"{right} lost name: theirs -> ours a ({LOST})",
            f"{right} updated name: a -> ours a (by erp, {LOST})",
            f"{right} updated credit: 1 -> 2 (by erp, {LOST})",
            f"{left} edited name: a -> ours a ()",
            f"{left} edited credit: 1 -> 2.5 ()",
            f"{left} updated search: THEIRS -> OURS A (by bc, edited)",
            f"{right} edited search: THEIRS -> OURS A ()",
        ]
        left, right = models.ref(ERP, "b"), models.ref(BC, "b")
        of_b = [told for told in models.told(before) if told.startswith((str(left), str(right)))]
        assert of_b[:4] == [
            f"{right} updated name: b -> ours b (by erp, {LOST})",
            f"{right} updated credit: 1 -> 2 (by erp, {LOST})",
            f"{left} edited name: b -> ours b ()",
            f"{left} edited credit: 1 -> 2.5 ()",
        ]
        assert result.flows["customers"].parked == {}
        assert models.held(ERP, "credit") == {"a": Decimal("2.5"), "b": Decimal("2.5")}, "what was cut does not return"
        assert models.held(BC, "credit") == {"a": Decimal(2), "b": Decimal(2)}
        assert models.held(ERP, "name") == models.held(BC, "name") == {"a": "ours a", "b": "ours b"}
        assert models.store.open_intents() == ()
        assert list(untold(models.store)) == []
        assert models.sync().writes == 0


def test_an_update_that_never_came_is_sent_again_once_it_cannot_turn_up_any_more(tmp_path: Path) -> None:
    with between_models(tmp_path, {f"2 {BC} update customers 1": [CUT]}) as models:
        models.create(ERP, "a", code="k1", phone="p")
        models.sync()
        watched = models.watch()
        models.change(ERP, "a", phone="q")
        before = len(models.journal)
        models.sync()
        first, second = watched[BC].times
        assert models.setup.settling <= second - first < models.setup.settling + timedelta(seconds=3)
        assert watched[BC].asked[0] == watched[BC].asked[1]
        assert models.told(before) == [
            f"{models.ref(ERP, 'a')} edited phone: p -> q ()",
            f"{models.ref(BC, 'a')} updated phone: p -> q (by erp, edited)",
        ]
        assert models.store.open_intents() == ()


def test_an_update_that_turns_up_late_is_found_and_not_sent_again(tmp_path: Path) -> None:
    with between_models(tmp_path, {f"2 {BC} update customers 1": [Fault(name="late", seconds=5)]}) as models:
        models.create(ERP, "a", code="k1", phone="p")
        models.sync()
        watched = models.watch()
        models.change(ERP, "a", phone="q")
        before = len(models.journal)
        models.sync()
        assert len(watched[BC].asked) == 1
        assert models.told(before) == [
            f"{models.ref(BC, 'a')} updated phone: p -> q (by erp, {LOST})",
            f"{models.ref(ERP, 'a')} edited phone: p -> q ()",
        ]
        assert models.held(BC, "phone") == {"a": "q"}


def test_an_edit_over_a_write_whose_answer_was_lost_is_an_edit(tmp_path: Path) -> None:
    events: dict[str, Sequence[Event]] = {
        f"2 {BC} update customers, answer 1": [CUT, edit(BC, "a", phone="theirs", terms="T2")]
    }
    with between_models(tmp_path, events) as models:
        models.create(ERP, "a", code="k1", phone="p", note="n")
        models.sync()
        models.change(ERP, "a", phone="q", note="m")
        before = len(models.journal)
        models.sync()
        left, right = models.ref(ERP, "a"), models.ref(BC, "a")
        assert models.told(before) == [
            f"{right} updated note: n -> m (by erp, {LOST})",
            f"{left} edited note: n -> m ()",
            f"{left} updated terms: STD -> T2 (by bc, edited)",
            f"{left} updated phone: q -> theirs (by bc, latest)",
            f"{right} edited phone: p -> theirs ()",
            f"{right} edited terms: STD -> T2 ()",
            f"{left} lost phone: q -> theirs (by bc, latest)",
        ]
        assert models.held(ERP, "phone") == models.held(BC, "phone") == {"a": "theirs"}
        assert list(untold(models.store)) == []


def test_a_record_that_is_deleted_before_it_was_looked_for_is_deleted(tmp_path: Path) -> None:
    deleted = Act(verb="delete", side=BC, entity="customers", trace="a")
    with between_models(tmp_path, {f"2 {BC} update customers, answer 1": [CUT, deleted]}) as models:
        models.create(ERP, "a", code="k1", phone="p")
        models.sync()
        models.change(BC, "a", phone="theirs")
        models.change(ERP, "a", phone="q")
        right = models.ref(BC, "a")
        before = len(models.journal)
        models.sync(allow_deletions=True)
        assert models.told(before) == [
            f"{right} lost phone: theirs -> None ({LOST})",
            f"{right} parked (deleted in bc, but changed in erp since)",
        ]
        assert models.store.open_intents() == ()
        assert list(untold(models.store)) == []


def test_lines_whose_answer_was_lost_are_known_as_ours(tmp_path: Path) -> None:
    with between_models(tmp_path, {f"2 {BC} update orders, answer 1": [CUT]}) as models:
        models.do("create", ERP, "customers", "c1", code="k1")
        models.do("create", ERP, "products", "p1", code="q1")
        models.do("create", ERP, "orders", "o1", customer="c1", text="t")
        for line in ("l1", "l2"):
            models.do("add line", ERP, "orders", "o1", line, product="p1", quantity=Decimal("2.5"), text="lt")
        models.sync()
        for line in ("l1", "l2"):
            models.do("edit line", BC, "orders", "o1", line, text="right")
            models.do("edit line", ERP, "orders", "o1", line, text="left", quantity=Decimal("7.5"))
        models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(1))
        models.do("edit", ERP, "orders", "o1", text="tt")
        before = len(models.journal)
        models.sync()
        left, right, first, second = "erp/orders/erp-o5", "bc/orders/bc-o5", "erp:erp-l7", "erp:erp-l9"
        third = "erp:erp-l19"
        told = models.told(before)
        assert told[:17] == [
            f"{right} lost {first} text: right -> left ({LOST})",
            f"{right} lost {second} text: right -> left ({LOST})",
            f"{right} updated text: t -> tt (by erp, {LOST})",
            f"{right} updated {first} quantity: 2 -> 7 (by erp, {LOST})",
            f"{right} updated {first} text: lt -> left (by erp, {LOST})",
            f"{right} updated {second} quantity: 2 -> 7 (by erp, {LOST})",
            f"{right} updated {second} text: lt -> left (by erp, {LOST})",
            f"{right} created {third} (by erp, {LOST}) whole",
            f"{left} edited text: t -> tt ()",
            f"{left} edited {first} quantity: 2.5 -> 7.5 ()",
            f"{left} edited {first} text: lt -> left ()",
            f"{left} edited {second} quantity: 2.5 -> 7.5 ()",
            f"{left} edited {second} text: lt -> left ()",
            f"{left} created {third} () whole",
            f"{left} updated total: 8 -> 30 (by bc, edited)",
            f"{left} updated {first} amount: 4 -> 14 (by bc, edited)",
            f"{left} updated {second} amount: 4 -> 14 (by bc, edited)",
        ]
        assert list(untold(models.store)) == []
        assert models.sync().writes == 0


@pytest.mark.parametrize("is_edited", [False, True])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_line_that_was_added_unheard_and_is_removed_where_it_came_from_does_not_come_back(
    tmp_path: Path, is_new: bool, is_edited: bool
) -> None:
    """The pass ends before it hears that it was added; the next sees first that it stands, then that it is gone."""
    write, look = ("create", "find") if is_new else ("update", "get")
    events: dict[str, Sequence[Event]] = {f"2 {BC} {each} orders, answer 1": [CUT] for each in (write, look)}
    with between_models(tmp_path, events) as models:
        models.do("create", ERP, "products", "p1", code="q1")
        models.do("create", ERP, "customers", "c1", code="k1")
        if not is_new:
            models.do("create", ERP, "orders", "o1", customer="c1", text="t")
        models.sync()
        if is_new:
            models.do("create", ERP, "orders", "o1", customer="c1", text="t")
        for line in ("l1", "l2"):
            models.do("add line", ERP, "orders", "o1", line, product="p1", quantity=Decimal("2.5"), text=line)
        with pytest.raises(ConnectorError):
            models.sync()
        models.do("remove line", ERP, "orders", "o1", "l1")
        if is_edited:
            models.do("edit line", ERP, "orders", "o1", "l2", quantity=Decimal("7.5"))
        models.sync()
        for side, quantity in ((ERP, "7.5" if is_edited else "2.5"), (BC, "7" if is_edited else "2")):
            (order,) = models.system(side).held["orders"].values()
            assert [(x["trace"], x["quantity"]) for x in order.lines] == [("l2", Decimal(quantity))], side
        assert list(untold(models.store)) == []
        assert models.store.open_intents() == ()


def test_a_line_that_was_added_unheard_and_is_removed_there_is_added_once_more(tmp_path: Path) -> None:
    """Nothing tells it from one that never came, and no line is removed on a guess."""
    removed = Act(verb="remove line", side=BC, entity="orders", trace="o1", line="l1")
    with between_models(tmp_path, {f"2 {BC} update orders, answer 1": [CUT, removed]}) as models:
        models.do("create", ERP, "orders", "o1", text="t")
        models.sync()
        models.do("add line", ERP, "orders", "o1", "l1", quantity=Decimal(2))
        models.sync()
        for side in (ERP, BC):
            (order,) = models.system(side).held["orders"].values()
            assert [line["trace"] for line in order.lines] == ["l1"], side
        assert list(untold(models.store)) == []


def test_with_three_systems_the_third_is_given_what_stands(tmp_path: Path) -> None:
    events: dict[str, Sequence[Event]] = {
        f"2 {BC} update customers, answer 1": [CUT],
        "2 crm update customers 1": [Fault(name="busy")],
    }
    with between_models(tmp_path, events, sides=(ERP, BC, "crm")) as models:
        models.create(ERP, "a", code="k1", phone="p", note="n")
        models.sync()
        models.change(ERP, "a", phone="q")
        models.change("crm", "a", note="m")
        before = len(models.journal)
        models.sync()
        told = [each for each in models.told(before) if "phone" in each]
        assert [(LOST in each, each.split(" (")[0]) for each in told] == [
            (True, f"{models.ref(BC, 'a')} updated phone: p -> q"),
            (False, f"{models.ref(ERP, 'a')} edited phone: p -> q"),
            (False, f"{models.ref('crm', 'a')} updated phone: p -> q"),
        ]
        for side in (ERP, BC, "crm"):
            assert models.held(side, "phone") == {"a": "q"}
            assert models.held(side, "note") == {"a": "m"}
        assert list(untold(models.store)) == []
        assert models.sync().writes == 0


# --- creates


@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize(
    ("place", "fault", "finds"),
    [(", answer", CUT, True), ("", CUT, False), ("", Fault(name="late", seconds=4), True)],
)
def test_a_create_whose_answer_was_lost_makes_one_record(
    tmp_path: Path, place: str, fault: Fault, keys: bool, finds: bool
) -> None:
    with between_models(tmp_path, {f"1 {BC} create customers{place} 1": [fault]}, keys=keys) as models:
        left, other = models.create(ERP, "a", code="k1", phone="p"), models.create(ERP, "b", code="k2")
        result = models.sync()
        right = models.ref(BC, "a")
        assert result.flows["customers"].created == {BC: 2}
        assert sorted(models.held(BC, "code")) == ["a", "b"]
        told = [each for each in models.told() if each.startswith((str(left), str(right)))]
        if finds or keys:
            assert told[:12] == [
                f"{left} linked ({LOST})",
                f"{right} created (by erp, {LOST})",
                f"{right} agreed trace: None -> a (by erp, {LOST})",
                f"{right} agreed number: None -> ERP001 (by erp, {LOST})",
                f"{right} agreed name: None -> a (by erp, {LOST})",
                f"{right} agreed code: None -> K1 (by erp, {LOST})",
                f"{right} agreed phone: None -> p (by erp, {LOST})",
                f"{left} agreed trace: None -> a ({LOST})",
                f"{left} agreed number: None -> ERP001 ({LOST})",
                f"{left} agreed name: None -> a ({LOST})",
                f"{left} agreed code: None -> k1 ({LOST})",
                f"{left} agreed phone: None -> p ({LOST})",
            ]
        else:
            assert told[:2] == [f"{left} agreed () whole", f"{right} created (by erp, ) whole"]
        assert models.told()[0] == f"{other} agreed () whole", "it does not wait for the other"
        created = next(e.at for e in models.journal if e.ref == right and e.action == "created")
        waited = created - models.journal[0].at
        assert (waited > timedelta(seconds=4)) == (not keys and place == "")
        assert models.store.open_intents() == ()
        assert models.store.parked() == ()
        assert list(untold(models.store)) == []
        assert models.sync().writes == 0


def test_a_key_that_the_system_may_have_forgotten_is_not_trusted(tmp_path: Path) -> None:
    for hours, again in ((11, True), (13, False)):
        folder = tmp_path / str(hours)
        folder.mkdir()
        with between_models(folder, keys=True) as models:
            left = models.create(ERP, "a", code="k1")
            models.sync()
            (link,) = models.store.links(models.store.links_of([left]).values()).values()
            right = models.ref(BC, "a")
            opened = models.setup.now() - timedelta(hours=hours)
            alone = replace(link, members={ERP: left.id})
            write = Create(key="never seen there", fields={"trace": "again", "number": "N9", "name": "a"})
            intent = Intent(
                id="i",
                flow="customers",
                link=link.id,
                side=BC,
                record=None,
                write=write,
                values={"number": "N9"},
                opened=opened,
            )
            models.store.save(Memory(unlinks=[link.id], keys={right: {}}))
            models.store.save(Memory(links=[alone], opened=[intent]))
            watched = models.watch()
            models.sync()
            sent = ("customers", [replace(write, key="")])
            assert (sent in watched[BC].asked) == again, "within half a day it is sent again, with its key"
            assert models.store.open_intents() == ()


@pytest.mark.parametrize("feed", [False, True])
def test_what_nothing_tells_from_others_is_for_a_person(tmp_path: Path, feed: bool) -> None:
    with between_models(tmp_path, {f"1 {BC} create customers 1": [CUT]}, feed=feed) as models:
        models.agree("customers", match=(MatchKey(("phone",)),))
        left = models.create(ERP, "a", code="k1")
        other = models.create(ERP, "b", code="k2")
        models.sync()
        (parked,) = models.store.parked()
        assert (parked.ref, parked.cause) == (left, "unknown")
        assert parked.message == "nobody knows whether it was created in bc: nothing in it tells it from others"
        assert parked.mend == "Look for it in bc. If it is not there, try again."
        assert models.store.arrivals([left])[left].due is None
        assert f"{left} parked ({parked.message})" in models.told()
        assert models.store.open_intents() == ()
        assert models.store.links_of([other])


def test_what_several_records_could_be_is_for_a_person(tmp_path: Path) -> None:
    twins = [
        Act(verb="create", side=BC, entity="customers", trace=trace, values={"code": trace, "phone": "p"})
        for trace in ("x", "y")
    ]
    events: dict[str, Sequence[Event]] = {f"1 {BC} create customers, answer 1": [CUT, *twins]}
    with between_models(tmp_path, events, feed=True) as models:
        models.agree("customers", match=(MatchKey(("phone",)),))
        left = models.create(ERP, "a", code="k1", phone="p")
        models.sync()
        why = "nobody knows whether it was created in bc: 3 records have the phone p"
        assert models.told()[0] == f"{left} parked ({why})"


def test_a_record_that_somebody_said_to_be_another_is_not_taken_for_what_was_created(tmp_path: Path) -> None:
    events: dict[str, Sequence[Event]] = {f"2 {BC} create customers 1": [CUT]}
    with between_models(tmp_path, events, unique=False) as models:
        left = models.create(ERP, "a", code="K1")
        right = models.create(BC, "other", code="K1")
        keep_apart(models.store, [frozenset((left, right))], models.setup.now())
        models.agree("customers", match=(MatchKey(("code",)),))
        models.sync()
        models.sync()
        assert models.store.links_of([left])[left] != models.store.links_of([right])[right]
        assert list(untold(models.store)) == []


def test_what_was_sent_for_a_flow_that_is_switched_off_waits_until_it_is_back(tmp_path: Path) -> None:
    events: dict[str, Sequence[Event]] = {f"1 {BC} create customers, answer 1": [CUT, Fault(name="busy")]}
    events[f"1 {BC} find customers 1"] = []
    with between_models(tmp_path, events) as models:
        left = models.create(ERP, "a", code="k1")
        models.sync()
        link = models.store.links_of([left])[left]
        intent = Intent(
            id="i",
            flow="customers",
            link=link,
            side=BC,
            record=None,
            write=Create(key="i", fields={}),
            values={},
            opened=models.setup.now(),
        )
        models.store.save(Memory(opened=[intent]))
        flows = models.setup.flows
        models.setup = replace(models.setup, flows={"products": flows["products"]})
        models.sync()
        assert models.store.open_intents() == (intent,)
        models.setup = replace(models.setup, flows=flows)
        models.sync()
        assert models.store.open_intents() == ()
        assert len(models.held(BC, "code")) == 1
