"""What people are told of records that wait, and of what becomes of that in the end: from what is remembered alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from syncline.engine.chains import chains, counts
from syncline.mapping.model import Deletion
from syncline.reconcile.waiting import Fate
from syncline.records import Ref
from syncline.store import Arrival, Cause, Counts, Memory, Parked

ERP, CRM = "erp", "crm"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    """Three systems: c0 is linked, c1 only in two of them, c2 in Business Central alone, where it was kept."""
    with between_models(tmp_path, sides=(ERP, BC, CRM), feed=True) as found:
        found.customers(3)
        found.sync()
        found.agree("customers", delete=Deletion.KEEP)
        found.delete(CRM, "c1", "c2")
        found.delete(ERP, "c2")
        found.sync()
        yield found


def order(name: str) -> Ref:
    return Ref("orders", ERP, name)


def customer(id_: str, side: str = ERP) -> Ref:
    return Ref("customers", side, id_)


def park(models: Models, ref: Ref, *waits: Ref, cause: Cause = "waiting", message: str = "waits") -> None:
    now = models.setup.now()
    told = Parked(ref=ref, cause=cause, message=message, since=now, waits=waits)
    models.store.save(Memory(parked=[told], arrivals=[Arrival(ref=ref, record=None, seen=now, due=None)]))


def told(models: Models, *waiting: Ref) -> dict[str, tuple[str, Fate]]:
    """What is at the end of what each of these waits for, and the words from there on that it waits for."""
    found = chains(models.store, models.setup.flows, models.store.parked("orders"))
    assert found.keys() == set(waiting)
    return {ref.id: (str(chain).removeprefix(f"{ref} waits for "), chain.end.fate) for ref, chain in found.items()}


def test_who_waits_is_told_with_what_becomes_of_it(models: Models) -> None:
    now = models.setup.now()
    c0, c1 = models.ref(ERP, "c0"), models.ref(ERP, "c1")
    c2, new, gone = models.ref(BC, "c2"), customer("new"), customer("gone")
    arrivals = [Arrival(ref=gone, record=None, seen=now, due=now)]
    record = models.system(ERP).now("customers", c0.id)
    assert record is not None
    arrivals.append(Arrival(ref=new, record=replace(record, id="new"), seen=now, due=now))
    models.store.save(Memory(arrivals=arrivals))
    refused = customer("refused")
    park(models, refused, cause="refused", message="in its own words")
    park(models, customer("for nothing"))
    late = replace(models.setup.flows["customers"], name="late")
    models.setup = replace(models.setup, flows={**models.setup.flows, "late": late})
    waits = {
        "a": (c0, f"{c0}, which is linked", Fate.COMING),
        "b": (c1, f"{c1}, which has no counterpart in crm any more", Fate.NOTHING),
        "c": (c2, f"{c2}, which has no counterpart in erp, crm any more", Fate.NOTHING),
        "d": (new, f"{new}, which is due", Fate.COMING),
        "e": (gone, f"{gone}, which was deleted in erp", Fate.NOTHING),
        "f": (refused, f"{refused}, which is refused: in its own words", Fate.PARKED),
        "g": (Ref("off", ERP, "x"), "erp/off/x, which is of a flow that is switched off", Fate.NOTHING),
        "h": (
            Ref("late", ERP, "x"),
            "erp/late/x, which was not seen yet: erp was not listed to the end",
            Fate.COMING,
        ),
        "i": (customer("x"), "erp/customers/x, which was not in erp when it was last looked at", Fate.NOTHING),
        "j": (customer("for nothing"), "erp/customers/for nothing, which is waiting: waits", Fate.PARKED),
    }
    for name, (ref, _, _) in waits.items():
        park(models, order(name), ref)
    park(models, order("k"), order("i"))
    found = told(models, *map(order, [*waits, "k"]))
    assert found.pop("k") == (f"{order('i')}, which waits for {waits['i'][1]}", Fate.NOTHING)
    assert found == {name: (words, fate) for name, (_, words, fate) in waits.items()}
    stand = counts(models.store, models.setup.flows)
    assert (stand["orders"].waiting, stand["orders"].parked) == (5, {"waiting": 6})
    assert (stand["customers"].waiting, stand["customers"].parked) == (1, {"refused": 1})


def test_what_nobody_looked_for_may_take_no_part(models: Models) -> None:
    words = "erp/customers/x, which was not in erp when it was last looked at"
    park(models, order("a"), customer("x"))
    for changes in ({"where": {"search": ("yes",)}}, {"since": models.setup.now()}, {"from_now": True}):
        models.agree("customers", {ERP: {"where": {}, "since": None, "from_now": False} | changes})
        assert told(models, order("a"))["a"] == (f"{words}, or takes no part in customers", Fate.NOTHING)


def test_what_was_deleted_is_told_to_be(models: Models) -> None:
    (gone,) = (each.ref for each in models.entries("deleted") if each.ref and each.ref.side == ERP)
    park(models, order("a"), gone)
    assert told(models, order("a"))["a"] == (f"{gone}, which was deleted in erp", Fate.NOTHING)


def test_who_is_known_by_a_value_only_is_looked_up(models: Models) -> None:
    c0 = models.ref(BC, "c0")
    names = {"a": "number=N0", "b": "number=None", "c": "shoe=N0", "d": "number", "e": "=N0"}
    for name, id_ in names.items():
        park(models, order(name), customer(id_, BC))
    found = told(models, *map(order, names))
    assert found.pop("a") == (f"bc/customers/number=N0, which waits for {c0}, which is linked", Fate.COMING)
    assert found == {
        name: (f"bc/customers/{id_}, which was not in bc when it was last looked at", Fate.NOTHING)
        for name, id_ in names.items()
        if name != "a"
    }
    park(models, order("f"), Ref("off", BC, "number=N0"))
    assert chains(models.store, models.setup.flows, models.store.parked())[order("f")].end.fate is Fate.NOTHING


def test_who_waits_for_each_other_is_for_a_person(models: Models) -> None:
    park(models, order("a"), order("b"))
    park(models, order("b"), order("a"))
    park(models, order("c"), customer("x"), order("c"))
    found = chains(models.store, models.setup.flows, models.store.parked())
    assert {ref.id: each.end.fate for ref, each in found.items()} == dict.fromkeys("abc", Fate.CYCLE)
    stand = counts(models.store, models.setup.flows)["orders"]
    assert (stand.waiting, stand.parked) == (0, {"waiting": 3})


def test_where_nobody_waits_the_flows_stand_as_they_do(models: Models) -> None:
    park(models, customer("a"), cause="refused")
    found = counts(models.store, models.setup.flows)
    assert found == models.store.counts()
    assert isinstance(found["customers"], Counts)
    assert (found["customers"].linked, found["customers"].resting, found["customers"].parked) == (3, 2, {"refused": 1})
