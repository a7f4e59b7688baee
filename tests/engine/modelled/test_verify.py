"""What a verification reads, what it holds against each other, and what it says of what does not agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.models import Models, between_models
from simulation.agreement import BC
from simulation.connector import Connector
from syncline.connectors.base import View
from syncline.engine.report import Difference, Verification
from syncline.engine.setup import EngineError
from syncline.engine.verify import verify
from syncline.mapping.model import LensError
from syncline.records import LinkState, Record
from syncline.store import Arrival, Memory

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path) as found:
        yield found


class Watching:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def reading(self, flow: str, side: str, records: int, total: int | None) -> None:
        self.told.append((flow, side, records, total))

    def working(self, flow: str, done: int, total: int) -> None:
        raise AssertionError("nothing is worked off")


def proof(models: Models) -> Verification:
    before = (models.journal, models.store.parked(), models.store.next_due("customers"))
    found = models.run(verify(models.setup))
    assert (models.journal, models.store.parked(), models.store.next_due("customers")) == before, "nothing is changed"
    return found


def words(models: Models) -> list[tuple[str, str | None, str]]:
    return [(each.name, each.property, each.cause) for each in proof(models).differences]


def side(models: Models, flow: str, name: str, **otherwise: Any) -> None:
    """A side of a flow as it is agreed for once."""
    agreed = models.setup.flows[flow]
    sides = {**agreed.sides, name: replace(agreed.sides[name], **otherwise)}
    models.setup = replace(models.setup, flows={**models.setup.flows, flow: replace(agreed, sides=sides)})


def order(models: Models) -> None:
    models.do("create", ERP, "customers", "c1", code="k1")
    models.do("create", ERP, "products", "p1", code="q1")
    models.do("create", ERP, "orders", "o1", customer="c1", text="t")
    for line, quantity in (("l1", 2), ("l2", 3)):
        models.do("add line", ERP, "orders", "o1", line, product="p1", quantity=Decimal(quantity))


def test_everything_is_read_page_by_page_and_counted(tmp_path: Path) -> None:
    with between_models(tmp_path, page=2) as models:
        order(models)
        models.customers(4)
        models.sync()
        watching = Watching()
        found = models.run(verify(models.setup, watching))
        assert found == Verification(
            compared={"products": 1, "customers": 5, "orders": 1}, properties=4 + 5 * 10 + 5, differences=()
        )
        assert watching.told == [
            ("products", "erp", 1, None),
            ("products", "bc", 1, None),
            *((("customers", name, n, None)) for n in (2, 4, 5) for name in (ERP, BC)),
            ("orders", "erp", 1, None),
            ("orders", "bc", 1, None),
        ]


def test_what_does_not_agree_is_told_with_its_cause_as_far_as_it_is_known(models: Models) -> None:
    for n, trace in enumerate(("asked", "gone", "edited", "odd", "due")):
        models.create(ERP, trace, code=f"k{n}", note="old", terms="t")
    models.sync()
    models.change(ERP, "asked", note="x")
    models.change(BC, "asked", note="y")
    models.sync()
    models.delete(BC, "gone")
    models.change(ERP, "edited", terms="new", search="new")
    models.change(BC, "odd", terms="other")
    models.change(BC, "due", terms="later")
    odd = models.ref(BC, "odd")
    link = models.store.links_of([odd])[odd]
    shadow = models.store.shadows([link])[link, BC]
    models.store.save(Memory(shadows={(link, BC): replace(shadow, values={**shadow.values, "terms": "other"})}))
    due, now = models.ref(ERP, "due"), models.setup.now()
    record = models.system(ERP).now("customers", due.id)
    models.store.save(Memory(arrivals=[Arrival(ref=due, record=record, seen=now, due=now + timedelta(days=1))]))
    models.create(ERP, "n!", code="k9")
    models.create(BC, "new", code="k8")
    told = {(each.name, each.property): each for each in proof(models).differences}
    assert {key: each.cause for key, each in told.items()} == {
        ("asked", "note"): "parked, conflict: note: x (erp) or y (bc), before old",
        ("gone", None): "not found in bc",
        ("edited", "terms"): "changed in erp since the last pass",
        ("edited", "search"): "changed in erp since the last pass",
        ("odd", "terms"): "nobody knows why",
        ("due", "terms"): "due",
        ("n!", None): "not linked yet",
        ("new", None): "not linked yet",
    }
    members = {name: models.ref(name, "asked").id for name in (ERP, BC)}
    assert told["asked", "note"] == Difference(
        flow="customers",
        name="asked",
        members=members,
        property="note",
        values={ERP: "x", BC: "y"},
        cause="parked, conflict: note: x (erp) or y (bc), before old",
    )
    assert told["new", None] == Difference(
        flow="customers", name="new", members={BC: models.ref(BC, "new").id}, cause="not linked yet"
    )
    assert told["gone", None].values == {}
    assert proof(models).compared == {"customers": 5}
    models.sync()
    assert ("n!", None, "parked, refused: bc (name): ! may not stand in a name") in words(models)


def test_lines_are_told_by_their_place(models: Models) -> None:
    order(models)
    models.sync()
    models.do("edit line", ERP, "orders", "o1", "l1", text="x")
    models.do("remove line", BC, "orders", "o1", "l2")
    found = proof(models)
    members = {ERP: "erp-o5", BC: "bc-o5"}
    cause = "changed in bc, erp since the last pass"
    assert found.differences == (
        Difference(
            flow="orders",
            name="ERP005",
            members=members,
            property="total",
            values={BC: Decimal(4), ERP: Decimal(10)},
            cause=cause,
        ),
        Difference(
            flow="orders",
            name="ERP005",
            members=members,
            property="text",
            line="erp:erp-l7",
            number=1,
            values={ERP: "x", BC: None},
            cause=cause,
        ),
        Difference(
            flow="orders",
            name="ERP005",
            members=members,
            line="erp:erp-l9",
            number=2,
            values={ERP: "there"},
            cause=cause,
        ),
    )


def test_a_pair_that_is_gone_everywhere_is_called_as_it_was_known(models: Models) -> None:
    models.create(ERP, "a", code="k1")
    models.sync()
    for name in (ERP, BC):
        models.delete(name, "a")
    assert words(models) == [("a", None, "not found in erp, bc")]


def test_a_link_that_rests_is_not_compared(models: Models) -> None:
    models.customers(2)
    models.sync()
    models.change(ERP, "c0", terms="x")
    ref = models.ref(ERP, "c0")
    (link,) = models.store.links(models.store.links_of([ref]).values()).values()
    models.store.save(Memory(links=[replace(link, state=LinkState.RESTING)]))
    assert (words(models), proof(models).compared) == ([], {"customers": 1})


def test_what_takes_no_part_is_told_only_where_it_is_linked(models: Models) -> None:
    models.customers(2)
    models.sync()
    side(models, "customers", BC, where={"trace": ("c1",)})
    models.create(BC, "other", code="k9")
    found = [each for each in proof(models).differences if each.property is None]
    assert [(each.name, each.cause) for each in found] == [], "it is asked for by its id, and agrees"


def test_what_cannot_be_understood_is_a_difference(models: Models) -> None:
    class Deaf:
        lossy = None

        def get(self, raw: tuple[Any, ...]) -> None:
            raise LensError(f"{raw[0]} means nothing")

        def put(self, value: object) -> tuple[Any, ...]:
            return (value,)

    models.create(ERP, "a", code="k1", phone="p")
    models.sync()
    agreed = models.setup.flows["customers"]
    p = agreed.properties["phone"]
    deaf: Any = Deaf()
    columns = {**p.columns, BC: replace(p.columns[BC], lens=deaf)}
    phone = replace(p, columns=columns)
    agreed = replace(agreed, properties={**agreed.properties, "phone": phone})
    models.setup = replace(models.setup, flows={**models.setup.flows, "customers": agreed})
    (found,) = (each for each in proof(models).differences if BC in each.values)
    assert (found.property, found.values) == ("phone", {BC: "p means nothing"})


# --- what has no counterpart, and is to have none


def test_what_is_only_read_needs_no_counterpart(models: Models) -> None:
    models.create(ERP, "a", code="k1")
    models.create(BC, "b", code="k2")
    assert words(models) == [("a", None, "not linked yet"), ("b", None, "not linked yet")]
    side(models, "customers", BC, write=False)
    assert words(models) == [("b", None, "not linked yet")]


def test_what_was_last_changed_before_the_flow_was_taken_up_is_left_alone(models: Models) -> None:
    models.create(ERP, "old", code="k1")
    models.wait(hours=1)
    then = models.setup.now()
    models.create(ERP, "new", code="k2")
    side(models, "customers", ERP, since=then)
    assert words(models) == [("new", None, "not linked yet")]
    side(models, "customers", ERP, since=None, from_now=True)
    assert len(words(models)) == 2, "it has not been taken up"
    models.store.save(Memory(facts={"customers taken up on erp": then.isoformat()}))
    assert words(models) == [("new", None, "not linked yet")]


class Closed:
    """All that it lists is closed; ``hides`` what it lists no more."""

    def __init__(self, connector: Any, *, hides: bool) -> None:
        self._connector: Connector = connector
        self._hides = hides

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    async def changes(self, view: View, cursor: str | None) -> Any:
        async for page in self._connector.changes(view, cursor):
            kept: tuple[Record, ...] = () if self._hides else page.records
            yield replace(page, records=tuple(replace(record, closed=True) for record in kept))


def test_what_is_closed_before_it_was_linked_needs_no_counterpart(models: Models) -> None:
    models.create(ERP, "a", code="k1")
    closed: Any = Closed(models.setup.systems[ERP], hides=False)
    models.setup = replace(models.setup, systems={**models.setup.systems, ERP: closed})
    assert words(models) == []


def test_what_a_listing_no_longer_tells_is_asked_for_by_its_id(models: Models) -> None:
    models.customers(3)
    models.sync()
    models.delete(BC, "c2")
    closed: Any = Closed(models.setup.systems[BC], hides=True)
    models.setup = replace(models.setup, systems={**models.setup.systems, BC: closed})
    models.change(BC, "c1", terms="x")
    assert sorted(words(models)) == [
        ("c1", "terms", "changed in bc since the last pass"),
        ("c2", None, "not found in bc"),
    ]


def test_another_company_is_not_compared(models: Models) -> None:
    models.customers(1)
    models.sync()
    models.store.save(Memory(facts={"identity of bc": "another"}))
    with pytest.raises(EngineError) as raised:
        models.run(verify(models.setup))
    assert raised.value.message == (
        "bc is now company of bc (company of bc), but everything remembered of it is of another (company of bc)."
    )
    assert raised.value.mend == "Correct its address or company, or give this one a store of its own."
