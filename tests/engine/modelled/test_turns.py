"""What a turn decides of what has arrived, and what it leaves for later or for a person: between model systems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC, Normal
from simulation.clock import EPOCH
from simulation.script import Fault
from statements import heard
from syncline.connectors.base import ConnectorError
from syncline.engine.knowing import KeptCodes
from syncline.engine.plan import plan
from syncline.engine.sync import look, sync
from syncline.mapping.model import LensError
from syncline.records import LineChange, LinkState, Ref, Value
from syncline.store import Entry, Memory, Wish

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """In these a code may be there twice."""
    with between_models(tmp_path, unique=False, feed=True) as found:
        yield found


def entry(models: Models, ref: Ref, **told: Any) -> Entry:
    return Entry(at=EPOCH, flow=ref.flow, link=models.link(ref).id, ref=ref, **told)


def planned(models: Models) -> list[tuple[str, str, str]]:
    return [(row.step, row.name, row.message) for row in models.run(plan(models.setup)).rows]


# --- who takes part


def test_a_linked_record_that_leaves_the_flow_rests_until_it_is_back(models: Models) -> None:
    models.agree("customers", {ERP: {"where": {"search": ("yes", "also")}}})
    left = models.create(ERP, "a", search="yes", phone="1")
    models.create(ERP, "b", search="no")
    models.sync()
    right = models.ref(BC, "a")
    assert list(models.held(BC, "phone")) == ["a"]

    models.change(ERP, "a", search="no", phone="2")
    assert models.sync().writes == 0
    assert models.link(left).state is LinkState.RESTING
    assert models.entries("resting") == [
        entry(models, left, action="resting", note="erp's record no longer takes part"),
    ]
    models.wait(minutes=1)
    models.change(ERP, "a", search="not at all")
    models.change(BC, "a", terms="3")
    assert models.sync().writes == 0
    assert models.arrival(left) is models.arrival(right) is None, "what arrives meanwhile is worked off"
    assert len(models.entries("resting")) == 1
    assert (models.held(ERP, "terms")["a"], models.held(BC, "phone")["a"]) == ("STD", "1")

    models.change(ERP, "a", search="also")
    models.sync()
    assert models.link(left).state is LinkState.ACTIVE
    assert models.entries("linked")[-1] == entry(models, left, action="linked", note="takes part again")
    assert models.held(ERP, "terms") == {"a": "3", "b": None}
    assert models.held(BC, "phone") == {"a": "2"}
    assert models.held(BC, "search") == {"a": "also"}


def test_it_rests_until_the_records_of_both_sides_are_back(models: Models) -> None:
    where = {"where": {"search": ("yes",)}}
    models.agree("customers", {ERP: where, BC: where})
    left = models.create(ERP, "a", search="yes")
    models.sync()
    for side in (ERP, BC):
        models.change(side, "a", search="no")
    models.change(BC, "a", phone="1")
    models.sync()
    assert [(each.ref, each.note) for each in models.entries("resting")] == [
        (models.ref(BC, "a"), "bc's record no longer takes part")
    ]
    for side, state in ((ERP, LinkState.RESTING), (BC, LinkState.ACTIVE)):
        models.change(side, "a", search="yes")
        models.sync()
        assert models.link(left).state is state
    assert models.held(ERP, "phone") == {"a": "1"}


def test_several_that_come_back_at_once_are_each_read_afresh_and_at_once(models: Models) -> None:
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    for trace in ("a", "b"):
        models.create(ERP, trace, search="yes")
    models.sync()
    for trace in ("a", "b"):
        models.change(ERP, trace, search="no")
    models.sync()
    for trace in ("a", "b"):
        models.change(BC, trace, phone=trace)
    models.sync()
    for trace in ("a", "b"):
        models.change(ERP, trace, search="yes")
    began = models.setup.now()
    models.sync()
    assert models.held(ERP, "phone") == {"a": "a", "b": "b"}
    assert models.setup.now() - began < models.setup.settling


def test_it_rests_where_the_other_record_is_not_there_any_more(models: Models) -> None:
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    left = models.create(ERP, "a", search="yes")
    models.sync()
    models.change(ERP, "a", search="no")
    models.sync()
    models.delete(BC, "a")
    models.system(BC).log["customers"].pop()  # which it forgot to tell
    models.change(ERP, "a", search="yes")
    models.sync()
    assert models.link(left).state is LinkState.RESTING
    assert models.arrival(left) is None


def test_what_takes_no_part_keeps_nobody_else_out(models: Models) -> None:
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    models.create(ERP, "a", search="no")
    models.create(ERP, "b", search="yes")
    models.sync()
    assert list(models.held(BC, "name")) == ["b"]


def test_what_was_held_and_takes_no_part_any_more_is_worked_on_no_more(models: Models) -> None:
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    ref = models.create(ERP, "no!", search="yes")
    models.sync()
    assert list(models.parked()) == [ref]
    models.change(ERP, "no!", search="no")
    models.sync()
    assert models.arrival(ref) is None
    assert not models.parked()


def test_a_new_record_that_takes_no_part_is_worked_off(models: Models) -> None:
    """It did when it was read; the agreement was changed since."""
    models.agree("customers", {ERP: {"where": {"search": ("yes",)}}})
    ref = models.create(ERP, "a", search="no")
    models.tell(ref)
    assert models.sync().writes == 0
    assert models.arrival(ref) is None
    assert not models.parked()


# --- what was closed for good


def test_what_was_closed_is_brought_in_step_once_more_and_then_is_history(models: Models) -> None:
    left, other = models.create(ERP, "a", phone="1"), models.create(ERP, "b", phone="1")
    models.sync()
    right = models.ref(BC, "a")
    models.tell(left, {"phone": "2"}, closed=True)
    models.change(ERP, "b", phone="2")
    assert models.sync().writes == 2
    assert models.held(BC, "phone") == {"a": "2", "b": "2"}
    assert (models.link(left).state, models.link(other).state) == (LinkState.COMPLETED, LinkState.ACTIVE)
    assert models.entries("completed") == [entry(models, left, action="completed", note="erp has closed it")]
    models.tell(left, {"phone": "3"}, closed=True)
    models.sync()
    assert models.held(BC, "phone")["a"] == "3"
    assert len(models.entries("completed")) == 1

    models.change(BC, "a", phone="4")
    for _ in range(2):
        assert models.sync().writes == 0
        models.wait(minutes=1)
    (told,) = models.store.parked()
    assert (told.ref, told.cause) == (right, "refused")
    assert told.message == "edited in bc after it was completed elsewhere"
    assert told.mend == "Undo the edit, or leave it: it is not passed on."
    held = models.arrival(right)
    assert held is not None
    assert (held.due, held.attempts) == (None, 1)
    assert len(models.entries("parked")) == 1
    models.change(BC, "a", phone="3")
    models.sync()
    assert not models.parked()
    assert models.arrival(right) is None


def test_what_is_edited_too_late_holds_up_nobody_else(models: Models) -> None:
    left = models.create(ERP, "a")
    models.create(ERP, "b")
    models.sync()
    models.tell(left, closed=True)
    models.sync()
    models.change(BC, "a", phone="late")
    models.change(BC, "b", phone="1")
    models.sync()
    assert models.held(ERP, "phone") == {"a": None, "b": "1"}
    assert list(models.parked()) == [models.ref(BC, "a")]


def test_of_two_that_close_a_record_at_once_the_first_by_name_is_told(models: Models) -> None:
    left = models.create(ERP, "a")
    models.sync()
    for side in (ERP, BC):
        models.tell(models.ref(side, "a"), closed=True)
    models.sync()
    assert models.link(left).state is LinkState.COMPLETED
    assert [each.note for each in models.entries("completed")] == ["bc has closed it"]


# --- what is not understood, or waits


class Picky(Normal, frozen=True):
    """A lens that does not understand everything."""

    def get(self, raw: tuple[Any, ...]) -> Value:
        if raw[0] == "bad":
            raise LensError("is not understood")
        return super().get(raw)


def test_what_is_not_understood_waits_whole_until_it_is_corrected(models: Models) -> None:
    found = models.setup.flows["customers"].properties
    picky = {}
    for name in ("phone", "search"):
        columns = found[name].columns
        column = replace(columns[ERP], lens=Picky("", None))
        picky[name] = replace(found[name], columns={**columns, ERP: column})
    models.agree("customers", properties={**found, **picky}, source="customers.yaml")
    ref = models.create(ERP, "a", phone="1", search="s")
    models.sync()
    models.change(ERP, "a", phone="bad", search="bad", terms="new")
    message = "search: is not understood; phone: is not understood"
    assert planned(models) == [("park", "a", message)]
    assert models.sync().writes == 0
    (told,) = models.store.parked()
    assert (told.ref, told.cause, told.message) == (ref, "untranslatable", message)
    assert told.mend == "Correct it in erp, or say in customers.yaml how it is to be understood."
    assert told.details == {"properties": {"search": "is not understood", "phone": "is not understood"}}
    held = models.arrival(ref)
    assert held is not None
    assert (held.due, held.attempts) == (None, 1)
    models.change(ERP, "a", phone="2", search="s")
    models.sync()
    assert not models.parked()
    assert (models.held(BC, "phone"), models.held(BC, "terms")) == ({"a": "2"}, {"a": "new"})


def test_what_points_to_something_that_has_no_link_yet_waits_for_it(models: Models) -> None:
    erp, bc = models.system(ERP), models.system(BC)
    buyer = models.create(ERP, "a", code="K1")
    models.create(ERP, "a2", code="K1")
    models.create(BC, "a", code="K1")
    told = {"trace": "p", "name": "p", "code": "P1"}
    product = Ref("products", ERP, erp.create("products", told).id)
    erp.create("products", told | {"trace": "p2"})
    bc.create("products", told)
    line = {"trace": "l", "product": product.id, "quantity": Decimal(1)}
    header = {"trace": "o", "number": "O1", "customer": buyer.id}
    order = Ref("orders", ERP, erp.create("orders", header, [line]).id)
    message = f"waits for {buyer}, {product}"
    assert ("park", "O1", message) in planned(models)
    models.sync()
    parked = models.parked()[order]
    assert (parked.cause, parked.message, parked.waits) == ("waiting", message, (buyer, product))
    assert parked.mend == "It goes on by itself once that is linked."
    held = models.arrival(order)
    assert held is not None
    assert (held.due, held.attempts) == (None, 1)
    models.change(ERP, "a2", code="K2")
    models.sync()
    assert models.parked()[order].message == f"waits for {product}"
    erp.update("products", product.id, {"code": "P2"})
    models.sync()
    assert not models.parked()
    assert [fields["trace"] for _, fields, _ in bc.records("orders")] == ["o"]


# --- while something else goes on


def test_nothing_is_decided_while_it_is_not_known_what_became_of_a_write(tmp_path: Path) -> None:
    """A write goes on after its answer was lost, and meanwhile the system cannot be read."""
    events = {f"2 {BC} update customers 1": [Fault(name="late", seconds=8)]}
    events[f"2 {BC} get customers 1"] = [Fault(name="busy")]
    with between_models(tmp_path, events, feed=True) as models:
        models.customers(2)
        models.sync()
        models.wait(minutes=1)
        models.change(ERP, "c0", phone="new")
        with pytest.raises(ConnectorError):
            models.sync()
        models.change(ERP, "c0", terms="also new")
        models.change(ERP, "c1", terms="also new")
        assert planned(models) == [
            ("park", models.ref(BC, "c0").id, "it is not known yet what became of a write to it"),
            ("update", "c1", ""),
        ]
        began = models.setup.now()
        result = models.sync()
        assert timedelta(seconds=8) < models.setup.now() - began < timedelta(seconds=20)
        assert result.flows["customers"].updated == {BC: 2}
        assert models.held(BC, "phone") == {"c0": "new", "c1": "p1"}
        assert models.held(BC, "terms") == {"c0": "also new", "c1": "also new"}
        assert not models.parked()


def test_what_arrives_while_it_is_not_known_whether_a_record_was_created_goes_on_once_it_was_not(
    tmp_path: Path,
) -> None:
    """It was not, and meanwhile the system cannot be searched."""
    events = {f"1 {BC} create customers 1": [Fault(name="cut")], f"1 {BC} find customers 1": [Fault(name="busy")]}
    with between_models(tmp_path, events, feed=True) as models:
        models.customers(1)
        with pytest.raises(ConnectorError):
            models.sync()
        models.change(ERP, "c0", phone="new")
        result = models.sync()
        assert result.flows["customers"].created == {BC: 1}
        assert models.held(BC, "phone") == {"c0": "new"}
        assert not models.store.open_intents()


def test_nothing_is_decided_of_a_record_that_a_person_wants_deleted_again(models: Models) -> None:
    models.customers(2)
    models.sync()
    link = models.link(models.ref(ERP, "c0"))
    wish = Wish(
        kind="delete",
        flow="customers",
        members=link.members,
        side=BC,
        seen=models.journal[-1].seq,
        at=models.setup.now(),
    )
    models.change(ERP, "c0", phone="new")
    models.change(ERP, "c1", phone="new")
    models.store.save(Memory(wishes=[wish]))
    result = models.sync()
    assert models.held(BC, "phone") == {"c1": "new"}
    assert models.held(ERP, "phone") == {"c0": "new", "c1": "new"}
    assert result.flows["customers"].updated == {BC: 1}


def test_what_a_system_will_not_delete_again_is_brought_in_step_as_before(models: Models) -> None:
    models.order()
    models.sync()
    link = models.link(models.ref(ERP, "c1"))
    wish = Wish(
        kind="delete",
        flow="customers",
        members=link.members,
        side=BC,
        seen=models.journal[-1].seq,
        at=models.setup.now(),
    )
    models.change(ERP, "c1", phone="new")
    models.store.save(Memory(wishes=[wish]))
    (told,) = models.sync().void
    why = "bc refused it: other records refer to it. Undo it again once that is mended"
    assert told == f"{models.ref(BC, 'c1')} was not deleted again: {why}"
    assert models.held(BC, "phone") == {"c1": "new"}
    assert not models.store.wishes()


# --- ping-pong


def order(models: Models, side: str, trace: str) -> str:
    (id_,) = models.system(side).named("orders", trace)
    return id_


def write(models: Models, side: str, trace: str, text: str, other: str) -> None:
    """Its line says that text, and its header the other."""
    id_ = order(models, side, trace)
    line = next(told[0]["id"] for found, _, told in models.system(side).records("orders") if found == id_)
    edit = LineChange(id=line, version=None, fields={"text": text})
    models.system(side).update("orders", id_, {"text": other}, [edit])


def test_what_two_systems_keep_rewriting_is_held_and_all_else_goes_on(models: Models) -> None:
    models.customers(1)
    for trace in ("o", "other"):
        header = {"trace": trace, "number": trace, "customer": models.ref(ERP, "c0").id, "text": "t"}
        models.system(ERP).create("orders", header, [{"trace": f"l{trace}", "quantity": Decimal(1), "text": "0"}])
    models.sync()
    for n in range(7):
        models.wait(minutes=1)
        side = ERP if n % 2 == 0 else BC
        write(models, side, "o", side, f"new {n}")
        write(models, side, "other", f"line {n}", side if n > 3 else f"other {n}")
        result = models.sync()
        assert result.flows["orders"].updated == {BC if side == ERP else ERP: 2}
    (told,) = models.store.parked()
    line = models.system(ERP).held["orders"][order(models, ERP, "o")].lines[0]
    assert (told.ref, told.cause) == (Ref("orders", ERP, order(models, ERP, "o")), "conflict")
    assert told.message.startswith(f"text of line erp:{line['id']} is rewritten by both systems time and again:")
    texts = {side: models.system(side).held["orders"][order(models, side, "o")] for side in (ERP, BC)}
    assert {side: held.lines[0]["text"] for side, held in texts.items()} == {ERP: ERP, BC: BC}, "it is not passed on"
    assert {held.fields["text"] for held in texts.values()} == {"new 6"}
    of_other = models.system(BC).held["orders"][order(models, BC, "other")]
    assert (of_other.lines[0]["text"], of_other.fields["text"]) == ("line 6", ERP)


# --- what it asks of the store, which is most of what it costs where many companies share a worker


@contextmanager
def asked() -> Iterator[list[str]]:
    """What is said to any database meanwhile, but for where a look begins."""
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        if not statement.startswith("BEGIN"):
            said.append(statement)

    with heard(note):
        yield said


def test_a_look_asks_the_store_little_and_one_at_what_was_just_written_hardly_anything(models: Models) -> None:
    codes: KeptCodes = {}
    models.customers(3)
    models.run(sync(models.setup, codes=codes))
    models.change(ERP, "c0", phone="new")
    with asked() as of_edit:
        assert models.run(look(models.setup, [("customers", ERP)], codes=codes, until=lambda: False)).writes == 1
    with asked() as of_echo:
        assert models.run(look(models.setup, [("customers", BC)], codes=codes, until=lambda: False)).writes == 0
    assert len(of_edit) <= 50
    assert len(of_echo) <= 14
