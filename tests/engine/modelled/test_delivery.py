"""What every side is asked to write, what is remembered of it, and what becomes of what cannot be written."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from engine.models import Models, Watched, between_models
from engine.telling import untold
from simulation.agreement import BC
from simulation.script import Act, Fault
from syncline.connectors.base import ConnectorError, View
from syncline.engine.plan import apply, plan
from syncline.engine.report import Result
from syncline.mapping.model import Conflict, Deletion, LensError, Policy
from syncline.mapping.types import Code
from syncline.records import (
    Create,
    Done,
    LineAdd,
    LineChange,
    LineRemove,
    Outcome,
    Ref,
    Refused,
    Unavailable,
    Unknown,
    Update,
    Value,
    Write,
)
from syncline.store import Arrival, Memory, Parked

ERP = "erp"


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    with between_models(tmp_path) as found:
        yield found
        assert list(untold(found.store)) == []


def agree(models: Models, flow: str, name: str, *, of_lines: bool = False, **otherwise: Any) -> None:
    """A property as the agreement has it for once; ``lens`` and so on are those of Business Central's column."""
    agreed = models.setup.flows[flow]
    lines = agreed.lines
    p = lines.properties[name] if of_lines and lines else agreed.properties[name]
    if "conflict" in otherwise:
        p = replace(p, conflict=otherwise["conflict"])
    else:
        p = replace(p, columns={**p.columns, BC: replace(p.columns[BC], **otherwise)})
    if of_lines and lines:
        agreed = replace(agreed, lines=replace(lines, properties={**lines.properties, name: p}))
    else:
        agreed = replace(agreed, properties={**agreed.properties, name: p})
    models.agree(flow, source="flows/it.yaml", lines=agreed.lines, properties=agreed.properties)


def done(result: Result, flow: str = "customers") -> tuple[dict[str, int], dict[str, int], dict[Any, int]]:
    told = result.flows[flow]
    return dict(told.created), dict(told.updated), dict(told.parked)


def the_parked(models: Models) -> Parked:
    (told,) = models.store.parked()
    return told


def arrived(models: Models, ref: Ref) -> Arrival:
    return models.store.arrivals([ref])[ref]


# --- what is written


def test_an_order_is_written_once_whole_and_then_only_what_changed_of_it(models: Models) -> None:
    watched = models.watch()
    models.order(name="Cust")
    models.sync()
    customer = {"trace": "c1", "number": "ERP001", "name": "Cust", "code": "K1"}
    assert watched[BC].asked == [
        ("products", [Create(key="", fields={"trace": "p1", "number": "ERP003", "code": "Q1"})]),
        ("customers", [Create(key="", fields=customer)]),
        (
            "orders",
            [
                Create(
                    key="",
                    fields={"trace": "o1", "number": "ERP005", "customer": "ERP001", "text": "t"},
                    lines=(
                        {"trace": "l1", "product": "bc-p1", "quantity": Decimal(2), "text": "lt"},
                        {"trace": "l2", "product": "bc-p1", "quantity": Decimal(3)},
                    ),
                )
            ],
        ),
    ]
    amounts = (
        LineChange(id="erp-l7", version="w7", fields={"amount": Decimal(4)}),
        LineChange(id="erp-l9", version="w9", fields={"amount": Decimal(6)}),
    )
    assert watched[ERP].asked == [
        ("customers", [Update(id="erp-c1", version="2", fields={"search": "CUST", "terms": "STD"})]),
        ("orders", [Update(id="erp-o5", version="10", fields={"total": Decimal(10)}, lines=amounts)]),
    ]
    watched[BC].asked.clear()
    before = len(models.journal)
    models.do("edit line", ERP, "orders", "o1", "l1", quantity=Decimal("4.5"))
    models.do("remove line", ERP, "orders", "o1", "l2")
    models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(3))
    models.do("add line", ERP, "orders", "o1", "l4", product="p1", quantity=Decimal(3))
    models.do("edit", ERP, "orders", "o1", text="t2")
    result = models.sync()
    assert done(result, "orders") == ({}, {BC: 1, ERP: 1}, {})
    assert watched[BC].asked == [
        (
            "orders",
            [
                Update(
                    id="bc-o5",
                    version="8",
                    fields={"text": "t2"},
                    lines=(
                        LineChange(id="bc-l6", version="w6", fields={"quantity": Decimal(4)}),
                        LineAdd(fields={"trace": "l3", "product": "bc-p1", "quantity": Decimal(3)}, after="bc-l6"),
                        LineAdd(fields={"trace": "l4", "product": "bc-p1", "quantity": Decimal(3)}, after="bc-l6"),
                        LineRemove(id="bc-l7", version="w7"),
                    ),
                )
            ],
        )
    ]
    assert models.told(before) == [
        "erp/orders/erp-o5 edited text: t -> t2 ()",
        "erp/orders/erp-o5 edited erp:erp-l7 quantity: 2.5 -> 4.5 ()",
        "erp/orders/erp-o5 created erp:erp-l18 () whole",
        "erp/orders/erp-o5 created erp:erp-l20 () whole",
        "erp/orders/erp-o5 deleted erp:erp-l9 () whole",
        "bc/orders/bc-o5 updated text: t -> t2 (by erp, edited)",
        "bc/orders/bc-o5 updated erp:erp-l7 quantity: 2 -> 4 (by erp, edited)",
        "bc/orders/bc-o5 created erp:erp-l18 (by erp, ) whole",
        "bc/orders/bc-o5 created erp:erp-l20 (by erp, ) whole",
        "bc/orders/bc-o5 deleted erp:erp-l9 (by erp, ) whole",
        "erp/orders/erp-o5 updated total: 10 -> 20 (by bc, edited)",
        "erp/orders/erp-o5 updated erp:erp-l7 amount: 4 -> 8 (by bc, edited)",
        "erp/orders/erp-o5 updated erp:erp-l18 amount: None -> 6 (by bc, filled)",
        "erp/orders/erp-o5 updated erp:erp-l20 amount: None -> 6 (by bc, filled)",
        "bc/orders/bc-o5 edited total: 10 -> 20 ()",
        "bc/orders/bc-o5 edited erp:erp-l7 amount: 4 -> 8 ()",
        "bc/orders/bc-o5 agreed () whole",
    ]
    found = models.journal[-1].whole
    assert found is not None
    assert (found.values, {each.line: each.values for each in found.lines}) == (
        {},
        {name: {"text": None, "amount": Decimal(6)} for name in ("erp:erp-l18", "erp:erp-l20")},
    )
    assert models.sync().writes == 0


def test_a_new_line_stands_behind_the_nearest_that_stays(models: Models) -> None:
    models.order(name="Cust")
    models.sync()
    watched = models.watch()
    models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(1))
    models.do("remove line", ERP, "orders", "o1", "l1")
    models.do("remove line", ERP, "orders", "o1", "l2")
    models.sync()
    ((_, (write,)),) = watched[BC].asked
    assert isinstance(write, Update)
    assert [edit.after for edit in write.lines if isinstance(edit, LineAdd)] == [None]
    assert sum(isinstance(edit, LineRemove) for edit in write.lines) == 2


def test_so_many_are_written_at_once_as_the_stricter_system_takes(tmp_path: Path) -> None:
    with between_models(tmp_path, batch=2) as models:
        models.customers(5)
        watched = models.watch()
        assert done(models.sync()) == ({BC: 5}, {ERP: 5}, {})
        for side in (BC, ERP):
            assert [len(writes) for _, writes in watched[side].asked] == [2, 2, 1]
        assert models.sync().writes == 0
        assert models.store.open_intents() == ()


def test_a_system_that_writes_line_by_line_is_known_by_what_it_then_tells(tmp_path: Path) -> None:
    with between_models(tmp_path, whole=False) as models:
        models.order(name="Cust")
        models.sync()
        models.wait(minutes=1)
        models.do("edit line", ERP, "orders", "o1", "l1", quantity=Decimal(7))
        models.do("add line", ERP, "orders", "o1", "l3", product="p1", quantity=Decimal(3))
        before = len(models.journal)
        assert done(models.sync(), "orders") == ({}, {BC: 1, ERP: 1}, {})
        assert len(models.told(before)) == len(set(models.told(before)))
        assert list(untold(models.store)) == []
        assert models.sync().writes == 0


# --- what is under way at once


class Far(Struct):
    """A system that is a second away. ``breaks`` is the batch of creates, from 1 on, that ends in an error."""

    connector: Any
    breaks: int = 0
    under_way: int = 0
    most: int = 0
    batches: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connector, name)

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        self.batches += 1
        breaks = self.batches == self.breaks
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            outcomes: tuple[Outcome, ...] = await self.connector.write(view, writes)
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1
        if breaks:
            raise ConnectorError(BC, "it broke off")
        return outcomes


def far(models: Models, breaks: int = 0) -> Far:
    found = Far(connector=models.setup.systems[BC], breaks=breaks)
    models.setup = replace(models.setup, systems={**models.setup.systems, BC: found})
    return found


def test_four_batches_are_under_way_at_once_and_never_more(tmp_path: Path) -> None:
    with between_models(tmp_path, batch=2) as models:
        models.customers(13)
        watched = far(models)
        assert done(models.sync())[0] == {BC: 13}
        assert (watched.batches, watched.most) == (7, 4)
        assert models.sync().writes == 0


def test_what_is_under_way_when_something_else_fails_is_found_later_and_not_made_twice(tmp_path: Path) -> None:
    with between_models(tmp_path, batch=2) as models:
        models.customers(17)
        far(models, breaks=2)
        with pytest.raises(ConnectorError, match="it broke off"):
            models.sync()
        there = models.held(BC, "name")
        assert 8 <= len(there) <= 10
        assert len(models.store.open_intents()) == 8  # of the batch that broke off, and of the three after it
        models.sync()
        assert not models.store.open_intents()
        assert sorted(models.held(BC, "name")) == sorted(f"c{n}" for n in range(17))
        assert len(list(models.system(BC).records("customers"))) == 17


# --- what nobody answered with the record


class Silent(Watched):
    """It says that an update was done, and no more."""

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        outcomes = await super().write(view, writes)
        return tuple(
            Done(answer=None) if isinstance(asked, Update) and isinstance(outcome, Done) else outcome
            for asked, outcome in zip(writes, outcomes, strict=True)
        )


def with_system(models: Models, side: str, system: Any) -> None:
    models.setup = replace(models.setup, systems={**models.setup.systems, side: system})


def test_a_system_that_tells_nothing_after_a_write_is_read_again_before_anything_else_is_decided(
    models: Models,
) -> None:
    models.create(ERP, "a", code="K1", note="old")
    models.sync()
    with_system(models, BC, Silent(models.setup.systems[BC], models.setup.now))
    models.change(ERP, "a", name="new", note="left")
    models.change(BC, "a", note="right")
    assert done(models.sync()) == ({}, {BC: 1, ERP: 1}, {"conflict": 1})
    assert the_parked(models).message == "note: left (erp) or right (bc), before old"
    record = arrived(models, models.ref(BC, "a")).record
    assert record is not None
    assert (record.fields["name"], record.fields["note"]) == ("new", "right")
    assert (models.held(ERP, "search"), models.held(ERP, "name")) == ({"a": "NEW"}, {"a": "new"})
    assert models.sync().writes == 0


# --- what a system refuses


def test_a_refused_record_is_parked_in_the_systems_own_words_and_the_others_go_on(models: Models) -> None:
    for trace, code in (("a", "K1"), ("x!y", "K2"), ("b", "K3")):
        models.create(ERP, trace, code=code)
    result = models.sync()
    assert done(result) == ({BC: 2}, {ERP: 2}, {"refused": 1})
    ref = models.ref(ERP, "x!y")
    told = the_parked(models)
    assert (told.ref, told.link, told.cause, told.waits) == (ref, None, "refused", ())
    assert told.message == "bc (name): ! may not stand in a name"
    assert told.mend == "Correct it, in any system, or change what bc does not take."
    assert told.details == {"side": "bc", "code": "Denied", "property": "name"}
    assert f"{ref} parked (bc (name): ! may not stand in a name)" in models.told()
    assert (arrived(models, ref).due, arrived(models, ref).attempts) == (None, 1)
    assert not models.store.links_of([ref]), "another may still be the one"
    assert models.store.open_intents() == ()
    before = len(models.journal)
    models.change(ERP, "x!y", name="good")
    models.change(ERP, "a", name="n!")
    assert done(models.sync()) == ({BC: 1}, {ERP: 1}, {"refused": 1})
    assert the_parked(models).ref == models.ref(ERP, "a")
    assert models.store.links_of([models.ref(ERP, "a")]), "what was linked stays so"
    assert models.told(before)[:3] == [
        f"{ref} agreed () whole",
        f"{models.ref(BC, 'x!y')} created (by erp, ) whole",
        f"{models.ref(ERP, 'a')} parked (bc (name): ! may not stand in a name)",
    ]


def test_what_was_refused_is_tried_again_once_what_it_points_to_is_otherwise(tmp_path: Path) -> None:
    deleted = Act(verb="delete", side=BC, entity="customers", trace="c2")
    with between_models(tmp_path, {f"2 {BC} update orders 1": [deleted]}) as models:
        models.do("create", ERP, "customers", "c2", code="k2", name="Other")
        models.order(name="Cust")
        models.sync()
        models.do("edit", ERP, "orders", "o1", customer="c2")
        assert done(models.sync(), "orders") == ({}, {}, {"refused": 1})
        told = the_parked(models)
        assert told.message == "bc (customer): there is no customer ERP001"
        assert told.details == {"side": "bc", "code": "Denied", "property": "customer"}
        assert [str(ref) for ref in told.waits] == ["bc/customers/bc-c3", "erp/customers/erp-c1"]


class Answering(Watched):
    """It answers in its own way, instead of writing, one outcome after the other."""

    def __init__(self, connector: Any, now: Any, *outcomes: Outcome) -> None:
        super().__init__(connector, now)
        self.outcomes = list(outcomes)

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        return (self.outcomes.pop(0),) * len(writes)


class Refusing(Watched):
    """It takes nothing."""

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        return (Refused(code="Closed", message="it is closed"),) * len(writes)


def test_a_refusal_that_names_no_property_reads_so(models: Models) -> None:
    blocked = Refused(code="Blocked", message="it is blocked")
    with_system(models, BC, Answering(models.setup.systems[BC], models.setup.now, blocked))
    models.create(ERP, "a", code="K1")
    models.sync()
    told = the_parked(models)
    assert (told.message, told.details) == (
        "bc: it is blocked",
        {"side": "bc", "code": "Blocked", "property": None},
    )


@pytest.mark.parametrize("partly", [False, True])
def test_a_record_that_was_refused_partly_is_read_again(models: Models, partly: bool) -> None:
    models.create(ERP, "a", code="K1")
    models.sync()
    blocked = Refused(code="Blocked", message="it is blocked")
    outcomes = [replace(blocked, partly=True)] * partly + [blocked]
    with_system(models, BC, Answering(models.setup.systems[BC], models.setup.now, *outcomes))
    models.change(ERP, "a", phone="p")
    result = models.sync()
    assert done(result)[2] == {"refused": 1}
    read = models.store.arrivals([models.ref(BC, "a"), models.ref(ERP, "a")])
    assert sorted(ref.side for ref in read) == ([BC, ERP] if partly else [ERP])
    assert {arrival.due for arrival in read.values()} == {None}


def test_with_three_systems_each_is_written_by_itself(tmp_path: Path) -> None:
    busy = {f"2 crm update customers {n}": [Fault(name="busy", seconds=90)] for n in range(1, 9)}
    with between_models(tmp_path, busy, sides=(ERP, BC, "crm")) as models:
        models.create(ERP, "a", code="K1", name="a", phone="p")
        models.sync()
        models.wait(minutes=1)
        models.change(ERP, "a", name="n!", phone="q")
        result = models.sync()
        assert done(result)[2] == {"refused": 1}
        assert arrived(models, models.ref(ERP, "a")).due is None, "who is parked does not try again by itself"
        assert result.unfinished == []
        models.change(ERP, "a", name="n")
        models.wait(minutes=2)
        models.sync()
        for side in (BC, "crm"):
            assert models.held(side, "phone") == {"a": "q"}
        assert {str(name).lower() for name in models.held("crm", "name").values()} == {"n"}
        assert list(untold(models.store)) == []


@pytest.mark.parametrize("feed", [False, True])
def test_what_a_system_derived_is_passed_on_where_it_is_taken(tmp_path: Path, feed: bool) -> None:
    late = {f"2 {side} update customers 1": [Fault(name="hidden", seconds=20)] for side in (BC, "crm")}
    with between_models(tmp_path, late, sides=(ERP, BC, "crm"), feed=feed) as models:
        models.create(ERP, "a", code="K1", name="a")
        models.sync()
        models.wait(minutes=1)
        models.change("crm", "a", name="NEW")
        models.change(BC, "a", phone="p")
        with_system(models, ERP, Refusing(models.setup.systems[ERP], models.setup.now))
        assert done(models.sync())[2] == {"refused": 1}
        assert {side: models.held(side, "search") for side in (ERP, BC, "crm")} == {
            ERP: {"a": "A"},
            BC: {"a": "NEW"},
            "crm": {"a": "NEW"},
        }
        assert list(untold(models.store)) == []


# --- a system that is busy, and a record that keeps moving


def test_a_busy_system_is_given_longer_each_time_and_the_pass_says_so(tmp_path: Path) -> None:
    busy = {f"1 {BC} create customers {n}": [Fault(name="busy")] for n in range(1, 12)}
    with between_models(tmp_path, busy) as models:
        ref = models.create(ERP, "a", code="K1")
        watched = models.watch()
        result = models.sync()
        pauses = [round((after - before).total_seconds()) for before, after in pairwise(watched[BC].times)]
        assert pauses == [2, 4, 8, 16]
        kept = arrived(models, ref)
        assert kept.attempts == 5
        assert kept.due is not None
        assert timedelta(seconds=31) < kept.due - models.setup.now() <= timedelta(seconds=32)
        assert result.unfinished == ["bc cannot be written now: busy"]
        assert not models.store.links_of([ref])
        models.wait(minutes=1)
        assert models.sync().unfinished == []
        assert models.held(BC, "code") == {"a": "K1"}


@pytest.mark.parametrize(("attempts", "asked", "seconds"), [(0, 90, 90), (12, 0, 300), (12, 400, 400)])
def test_a_busy_system_is_asked_again_when_it_says_or_after_some_minutes_at_most(
    tmp_path: Path, attempts: int, asked: float, seconds: int
) -> None:
    busy = {f"1 {BC} create customers 1": [Fault(name="busy", seconds=asked)]}
    with between_models(tmp_path, busy) as models:
        ref = models.create(ERP, "a", code="K1")
        models.create(ERP, "b", code="K2")
        now = models.setup.now() + timedelta(hours=1)
        record = models.system(ERP).now("customers", ref.id)
        seen = Arrival(ref=ref, record=record, seen=now, due=models.setup.now(), attempts=attempts)
        models.store.save(Memory(arrivals=[seen]))
        result = models.sync()
        assert done(result)[0] == {BC: 1}, "the other goes on"
        assert result.unfinished == ["bc cannot be written now: busy"], "it is still so, whatever was done since"
        due = arrived(models, ref).due
        (created,) = {e.at for e in models.journal if e.action == "created"}
        assert due == created + timedelta(seconds=seconds)


@pytest.mark.parametrize("feed", [False, True])
def test_what_waits_is_not_tried_because_it_is_told_again(tmp_path: Path, feed: bool) -> None:
    busy = {f"1 {BC} create customers 1": [Fault(name="busy", seconds=120)]}
    with between_models(tmp_path, busy, feed=feed) as models:
        models.create(ERP, "a", code="K1")
        models.create(ERP, "x!y", code="K2")
        models.sync()
        watched = models.watch()
        models.sync()
        assert watched[BC].asked == []
        models.wait(minutes=2)
        models.sync()
        assert models.held(BC, "code") == {"a": "K1"}
        assert [len(writes) for _, writes in watched[BC].asked] == [1], "what was refused waits for a person"


def test_a_record_that_keeps_moving_is_tried_at_once_a_few_times_and_then_has_to_wait(tmp_path: Path) -> None:
    edits = {
        f"2 {BC} update customers {n}": [
            Act(verb="edit", side=BC, entity="customers", trace="a", values={"phone": f"p{n}"})
        ]
        for n in range(1, 11)
    }
    with between_models(tmp_path, edits) as models:
        models.create(ERP, "a", code="K1")
        models.sync()
        watched = models.watch()
        models.change(ERP, "a", name="new")
        result = models.sync()
        pauses = [int((after - before).total_seconds()) for before, after in pairwise(watched[BC].times)]
        assert len(pauses) == 10
        assert max(pauses[:6]) < 2
        assert [2 <= pauses[6] < 4, 4 <= pauses[7] < 6, 8 <= pauses[8] < 10, 16 <= pauses[9] < 18] == [True] * 4
        assert result.unfinished == []
        assert models.held(BC, "name") == models.held(ERP, "name") == {"a": "new"}
        assert models.held(BC, "phone") == models.held(ERP, "phone") == {"a": "p10"}
        assert models.store.arrivals([models.ref(ERP, "a"), models.ref(BC, "a")]) == {}
        assert list(untold(models.store)) == []


# --- what a person is to choose


def test_a_conflict_is_told_with_both_values_and_all_else_is_delivered(models: Models) -> None:
    models.create(ERP, "a", code="K1", note="old")
    models.create(ERP, "b", code="K2", note="old")
    models.sync()
    models.change(ERP, "a", note="left", phone="p1")
    models.change(BC, "a", note="right")
    models.change(ERP, "b", note=None)
    models.change(BC, "b", note="x")
    before = len(models.journal)
    assert done(models.sync()) == ({}, {BC: 1}, {"conflict": 2})
    first, second = sorted(models.store.parked(), key=lambda told: told.ref)
    assert (first.cause, first.ref) == ("conflict", models.ref(BC, "a"))
    assert first.message == "note: left (erp) or right (bc), before old"
    assert first.mend == (
        f"Choose: syncline resolve {first.ref} --take SIDE (or --value TEXT). Or set the same value on both sides."
    )
    assert first.details == {
        "conflicts": [
            {
                "property": "note",
                "values": {"erp": "left", "bc": "right"},
                "before": {"erp": "old", "bc": "old"},
                "line": None,
                "rewritten": False,
                "rules": {},
            }
        ]
    }
    assert second.message == "note: (empty) (erp) or x (bc), before old"
    assert sorted(models.told(before)) == sorted(
        [
            f"{models.ref(ERP, 'a')} edited phone: None -> p1 ()",
            f"{first.ref} updated phone: None -> p1 (by erp, edited)",
            f"{first.ref} parked ({first.message})",
            f"{second.ref} parked ({second.message})",
        ]
    )
    written = arrived(models, first.ref)
    assert written.record is not None
    assert (written.record.fields["phone"], written.due, written.attempts) == ("p1", None, 1)
    assert models.sync().writes == 0
    models.change(BC, "a", note="left")
    models.change(ERP, "b", note="x")
    assert models.sync().writes == 0
    assert models.store.parked() == ()


@pytest.mark.parametrize("feed", [False, True])
def test_what_a_system_derived_is_passed_on_while_a_person_is_asked(tmp_path: Path, feed: bool) -> None:
    """Though nothing tells the record again: the write is listed after the pass only."""
    late = {f"2 {BC} update customers 1": [Fault(name="hidden", seconds=20)]}
    with between_models(tmp_path, late, feed=feed) as models:
        models.create(ERP, "a", code="K1", note="old")
        models.sync()
        models.wait(minutes=1)
        models.change(ERP, "a", name="new", note="left")
        models.change(BC, "a", note="right")
        assert done(models.sync()) == ({}, {BC: 1, ERP: 1}, {"conflict": 1})
        assert models.held(ERP, "search") == models.held(BC, "search") == {"a": "NEW"}
        assert the_parked(models).message == "note: left (erp) or right (bc), before old"
        assert list(untold(models.store)) == []


def test_a_conflict_of_a_first_link_has_nothing_before(models: Models) -> None:
    models.create(ERP, "a", code="K1", note="left")
    models.create(BC, "a", code="K1", note="right")
    models.sync()
    assert the_parked(models).message == "note: left (erp) or right (bc)"
    assert the_parked(models).details["conflicts"][0]["before"] == {}


def test_a_conflict_tells_amounts_as_they_are_and_all_that_was_known_before(models: Models) -> None:
    """A system that cuts an amount was known to hold it so."""
    agree(models, "customers", "credit", conflict=Conflict(Policy.ASK))
    models.create(ERP, "a", code="K1", credit=Decimal("1.5"))
    models.sync()
    models.change(ERP, "a", credit=Decimal("2.5"))
    models.change(BC, "a", credit=Decimal(3))
    models.sync()
    told = the_parked(models)
    assert told.message == "credit: 2.5 (erp) or 3 (bc), before 1.5 or 1"
    (asked,) = told.details["conflicts"]
    assert asked["values"] == {"erp": Decimal("2.5"), "bc": Decimal(3)}
    assert asked["before"] == {"erp": Decimal("1.5"), "bc": Decimal(1)}


def test_a_conflict_of_lines_names_each(models: Models) -> None:
    agree(models, "orders", "text", of_lines=True, conflict=Conflict(Policy.ASK))
    agree(models, "orders", "text", conflict=Conflict(Policy.ASK))
    models.order(name="Cust")
    models.sync()
    for side, line, text in ((ERP, "l1", "left"), (BC, "l1", "right"), (ERP, "l2", "left2"), (BC, "l2", "right2")):
        models.do("edit line", side, "orders", "o1", line, text=text)
    models.do("edit line", ERP, "orders", "o1", "l2", quantity=Decimal(4))
    models.do("edit", ERP, "orders", "o1", text="t3")
    assert done(models.sync(), "orders") == ({}, {BC: 1, ERP: 1}, {"conflict": 1})
    assert the_parked(models).message == (
        "text of line erp:erp-l7: left (erp) or right (bc), before lt; "
        "text of line erp:erp-l9: left2 (erp) or right2 (bc), before (empty)"
    )
    asked = the_parked(models).details["conflicts"]
    assert [(each["line"], each["values"], each["before"]) for each in asked] == [
        ("erp:erp-l7", {"erp": "left", "bc": "right"}, {"erp": "lt", "bc": "lt"}),
        ("erp:erp-l9", {"erp": "left2", "bc": "right2"}, {"erp": None, "bc": None}),
    ]
    assert models.held(BC, "name") == {"c1": "Cust"}


@pytest.mark.parametrize("line", [None, "l1"])
def test_what_two_systems_keep_rewriting_is_told_with_what_each_makes_of_it(models: Models, line: str | None) -> None:
    """Of a line it may be otherwise than of the header."""
    column = models.setup.flows["orders"].properties["text"].columns[BC]
    agree(models, "orders", "text", of_lines=True, type=replace(column.type, label="a word"))
    rule = "text is a word" if line else "text is text"
    models.order(name="Cust")
    models.sync()
    for _ in range(4):
        for side, text in ((ERP, "left"), (BC, "right")):
            models.wait(minutes=1)
            models.do("edit line" if line else "edit", side, "orders", "o1", line, text=text)
            models.sync()
    told = the_parked(models)
    of_line = " of line erp:erp-l7" if line else ""
    assert told.message == (
        f"text{of_line} is rewritten by both systems time and again: "
        f"left (erp) or right (bc) (erp's text is text; bc's {rule})"
    )
    (asked,) = told.details["conflicts"]
    assert asked["rules"] == {"erp": "text is text", "bc": rule}
    assert (asked["rewritten"], asked["line"]) == (True, "erp:erp-l7" if line else None)


# --- what cannot be said, or not yet


class Strict(Struct, frozen=True):
    """What is bad it has no word for."""

    lossy: str | None = None

    def get(self, raw: tuple[Any, ...]) -> Value:
        value: Value = raw[0] or None
        return value

    def put(self, value: Value) -> tuple[Any, ...]:
        if "bad" in str(value):
            raise LensError(f"{value} is bad")
        return (value or "",)


def test_what_cannot_be_said_in_a_systems_words_is_parked_whole_with_every_reason(models: Models) -> None:
    agree(models, "orders", "text", lens=Strict())
    agree(models, "orders", "text", of_lines=True, lens=Strict())
    models.order(name="Cust")
    models.do("edit", ERP, "orders", "o1", text="a bad one")
    models.do("edit line", ERP, "orders", "o1", "l1", text="bad")
    models.do("edit line", ERP, "orders", "o1", "l2", text="bad2")
    models.do("create", ERP, "orders", "o2", customer="c1", text="good")
    message = (
        "cannot be sent to bc: text: a bad one is bad; line erp:erp-l7: text: bad is bad; "
        "line erp:erp-l9: text: bad2 is bad"
    )
    planned = [row for row in models.run(plan(models.setup)).rows if row.flow == "orders"]
    assert sorted((row.step, row.message) for row in planned) == [("create", ""), ("park", message)]
    assert done(models.sync(), "orders") == ({BC: 1}, {ERP: 1}, {"untranslatable": 1})
    told = the_parked(models)
    assert (told.ref.side, told.cause, told.message) == (ERP, "untranslatable", message)
    assert told.mend == "Correct it, or say in flows/it.yaml how it is to be sent."
    assert told.waits == ()
    assert (arrived(models, told.ref).due, arrived(models, told.ref).attempts) == (None, 1)
    models.do("edit", ERP, "orders", "o1", text="t")
    models.do("edit line", ERP, "orders", "o1", "l1", text="good")
    models.do("edit line", ERP, "orders", "o1", "l2", text="good")
    assert done(models.sync(), "orders") == ({BC: 1}, {ERP: 1}, {})
    assert models.store.parked() == ()


def test_what_points_to_a_record_that_a_side_has_not_waits_for_it(models: Models) -> None:
    kept = replace(models.setup.flows["customers"], delete=Deletion.KEEP)
    models.setup = replace(models.setup, flows={**models.setup.flows, "customers": kept})
    customer = models.create(ERP, "c1", code="K1")
    models.sync()
    models.delete(BC, "c1")
    models.sync(scanning=True)
    models.do("create", ERP, "orders", "o1", customer="c1", text="t")
    (row,) = models.run(plan(models.setup)).rows
    assert (row.step, row.flow) == ("create", "orders"), "a plan may point to what does not exist yet"
    assert done(models.sync(), "orders") == ({}, {}, {"waiting": 1})
    told = the_parked(models)
    assert (told.cause, told.message) == ("waiting", "waits for what it points to, which is not in bc yet")
    assert told.mend == "It goes on by itself once that is there."
    assert (told.waits, told.details) == ((customer,), {})
    assert arrived(models, told.ref).due is None


class Tables(Watched):
    """A system with code tables, of which it takes no code that ``fails``."""

    def __init__(self, connector: Any, now: Any, tables: Mapping[str, Sequence[str]]) -> None:
        super().__init__(connector, now)
        self.tables = {name: list(codes) for name, codes in tables.items()}
        self.fails: dict[str, Outcome] = {}

    async def codes(self, tables: Collection[str]) -> Mapping[str, tuple[Code, ...]]:
        return {name: tuple(Code(code, code) for code in self.tables[name]) for name in tables}

    async def write(self, view: View, writes: Sequence[Write]) -> tuple[Outcome, ...]:
        if view.entity not in self.tables:
            return await super().write(view, writes)
        assert view == View(entity=view.entity, paths=("code",))
        outcomes: list[Outcome] = []
        for asked in writes:
            assert isinstance(asked, Create)
            assert asked.key
            code = asked.fields["code"]
            assert asked.fields == {"code": code, "displayName": code}
            if code not in self.fails:
                self.tables[view.entity].append(code)
            outcomes.append(self.fails.get(code, Done(answer=None)))
        return tuple(outcomes)


@pytest.fixture
def tables(models: Models) -> Tables:
    """Three customers with codes, of which only one is there already."""
    agree(models, "customers", "terms", table="terms", missing="create")
    agree(models, "customers", "note", table="notes", missing="create")
    system = Tables(models.setup.systems[BC], models.setup.now, {"terms": ["STD"], "notes": []})
    with_system(models, BC, system)
    models.create(ERP, "a", code="K1", terms="T2", note="N1")
    models.create(ERP, "b", code="K2", terms="T1", note="N1")
    models.create(ERP, "c", code="K3", terms="STD")
    return system


def test_a_code_that_is_missing_is_created_first_and_once(models: Models, tables: Tables) -> None:
    planned = models.run(plan(models.setup))
    assert [(row.step, row.name) for row in planned.rows] == [("create", name) for name in ("a", "b", "c")]
    assert tables.tables == {"terms": ["STD"], "notes": []}
    assert done(models.sync()) == ({BC: 3}, {ERP: 3}, {})
    assert tables.tables == {"terms": ["STD", "T1", "T2"], "notes": ["N1"]}
    assert models.held(BC, "terms") == {"a": "T2", "b": "T1", "c": "STD"}
    assert models.held(BC, "note") == {"a": "N1", "b": "N1", "c": None}


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        ({"T2": Unavailable(message="busy", retry_after=90)}, "busy"),
        ({"T2": Unknown("no answer")}, "no answer"),
        ({"T1": Unavailable(message="busy", retry_after=90), "T2": Unknown("no answer")}, "busy"),
    ],
)
def test_what_needs_a_code_that_cannot_be_created_now_is_tried_later(
    models: Models, tables: Tables, fails: dict[str, Outcome], why: str
) -> None:
    tables.fails = fails
    result = models.sync()
    assert done(result)[0] == {BC: 3 - len(fails)}
    assert result.unfinished == [f"bc cannot be written now: {why}"]
    assert models.store.parked() == ()
    assert arrived(models, models.ref(ERP, "a")).due is not None
    tables.fails = {}
    models.wait(minutes=2)
    result = models.sync()
    assert (done(result)[0], result.unfinished) == ({BC: len(fails)}, [])
    assert models.held(BC, "terms") == {"a": "T2", "b": "T1", "c": "STD"}


def test_what_needs_a_code_that_the_system_will_not_have_is_parked(models: Models, tables: Tables) -> None:
    tables.fails = {"T2": Refused(code="no", message="no")}
    assert done(models.sync()) == ({BC: 2}, {ERP: 2}, {"untranslatable": 1})
    assert the_parked(models).message == "cannot be sent to bc: terms: T2 could not be created"
    assert the_parked(models).ref == models.ref(ERP, "a")


# --- a reviewed plan


def test_what_was_not_reviewed_is_left_for_the_next_pass(models: Models) -> None:
    models.create(ERP, "a", code="K1")
    models.create(ERP, "b", code="K2")
    planned = models.run(plan(models.setup))
    assert [(row.step, row.name) for row in planned.rows] == [("create", "a"), ("create", "b")]
    assert models.journal == []
    models.change(ERP, "b", name="bb")
    new = models.create(ERP, "c", code="K3")
    ticks, clock = count(), models.setup.now

    def ticking() -> datetime:
        return clock() + timedelta(microseconds=10 * next(ticks))

    models.setup = replace(models.setup, now=ticking)
    result, refusals = models.run(apply(models.setup, planned))
    assert [(refusal.row.name, refusal.why) for refusal in refusals] == [
        ("b", "its record in erp has moved since the plan was made")
    ]
    assert done(result)[0] == {BC: 1}
    assert models.held(BC, "name") == {"a": "a"}
    due = arrived(models, new).due
    assert due is not None
    assert due < models.setup.now()
    assert models.store.parked() == ()
    models.sync()
    assert models.held(BC, "name") == {"a": "a", "b": "bb", "c": "c"}
