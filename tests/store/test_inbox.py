"""The inbox: what is due, together with all of its link; nothing observed is ever lost; waiting ends by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace
from sqlalchemy import event

from syncline.records import Link, Record, Ref
from syncline.store import Arrival, Memory, Parked, Store

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ref(id_: str, side: str = "erp", flow: str = "orders") -> Ref:
    return Ref(flow, side, id_)


def arrival(of: Ref, seen: datetime = NOON, *, due: datetime | None = NOON, attempts: int = 0) -> Arrival:
    record = Record(id=of.id, version=seen.isoformat(), modified=seen, fields={"seen": seen.isoformat()})
    return Arrival(ref=of, record=record, seen=seen, due=due, attempts=attempts)


def ids(arrivals: Iterable[Arrival]) -> list[str]:
    return [found.ref.id for found in arrivals]


def test_only_what_is_due_is_due_the_longest_due_first(store: Store) -> None:
    store.save(
        Memory(
            arrivals=[
                arrival(ref("now")),
                arrival(ref("later"), due=NOON + SECOND),
                arrival(ref("parked"), due=None),
                arrival(ref("long ago"), due=NOON - SECOND),
                arrival(ref("elsewhere", flow="customers")),
            ]
        )
    )
    assert ids(store.due("orders", NOON, 10)) == ["long ago", "now"]
    assert ids(store.due("orders", NOON, 1)) == ["long ago"]
    assert ids(store.due("orders", NOON + SECOND, 10)) == ["long ago", "now", "later"]


def test_the_arrivals_of_a_link_come_together_also_those_not_due(store: Store) -> None:
    store.save(
        Memory(
            links=[
                Link(id="L1", flow="orders", members={"erp": "a1", "bc": "b1"}),
                Link(id="L2", flow="orders", members={"erp": "a2", "bc": "b2"}),
            ],
            arrivals=[
                arrival(ref("a1")),
                arrival(ref("alone")),
                arrival(ref("a2"), due=NOON - SECOND),
                arrival(ref("b1", "bc"), due=None),
                arrival(ref("b2", "bc"), due=NOON + SECOND),
            ],
        )
    )
    assert [(x.ref.id, x.link) for x in store.due("orders", NOON, 10)] == [
        ("b2", "L2"),
        ("a2", "L2"),
        ("b1", "L1"),
        ("a1", "L1"),
        ("alone", None),
    ]
    assert ids(store.due("orders", NOON, 1)) == ["b2", "a2"]


def test_a_page_of_what_is_due_costs_a_page_not_the_inbox(file_url: str) -> None:
    asked: list[tuple[str, Any]] = []
    store = Store.open(file_url)
    event.listen(
        store._database.engine,
        "before_cursor_execute",
        lambda c, cursor, sql, parameters, *rest: asked.append((sql, parameters)),
    )
    store.due("orders", NOON, 10)
    sql, parameters = next((sql, parameters) for sql, parameters in asked if sql.startswith("SELECT"))
    with store._database.engine.connect() as connection:
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters))
    assert "USING COVERING INDEX ix_arrivals_flow_due_side_id (flow=? AND due<?)" in plan
    assert "B-TREE" not in plan, "nothing is sorted"
    store.close()


def test_a_record_seen_again_while_it_is_worked_on_is_not_lost(store: Store) -> None:
    store.save(Memory(arrivals=[arrival(ref("1"))]))
    (worked_on,) = store.due("orders", NOON, 10)
    again = arrival(ref("1"), NOON + SECOND, due=NOON + SECOND)
    store.save(Memory(arrivals=[again]))
    store.save(Memory(done=[(worked_on.ref, worked_on.seen)]))
    assert store.arrivals([ref("1")]) == {ref("1"): again}
    store.save(Memory(done=[(again.ref, again.seen)]))
    assert store.arrivals([ref("1")]) == {}


def test_a_later_attempt_or_parking_does_not_hide_what_was_seen_meanwhile(store: Store) -> None:
    first, again = arrival(ref("1")), arrival(ref("1"), NOON + SECOND)
    store.save(Memory(arrivals=[first]))
    store.save(Memory(arrivals=[replace(first, due=NOON + 9 * SECOND, attempts=1)]))
    assert store.arrivals([ref("1")])[ref("1")].attempts == 1
    store.save(Memory(arrivals=[again]))
    assert store.arrivals([ref("1")])[ref("1")].attempts == 0
    store.save(Memory(arrivals=[replace(first, due=None, attempts=2)]))
    assert store.arrivals([ref("1")]) == {ref("1"): again}


def test_what_is_done_may_come_again_in_the_same_memory(store: Store) -> None:
    store.save(Memory(arrivals=[arrival(ref("1"))]))
    again = arrival(ref("1"), NOON + SECOND)
    store.save(Memory(done=[(ref("1"), NOON)], arrivals=[again]))
    assert store.arrivals([ref("1")]) == {ref("1"): again}


def test_a_deletion_is_an_arrival_without_a_record(store: Store) -> None:
    gone = Arrival(ref=ref("1"), record=None, seen=NOON, due=NOON)
    store.save(Memory(arrivals=[gone]))
    assert store.due("orders", NOON, 10) == (gone,)


def test_arrivals_without_a_link_are_paged_by_id(store: Store) -> None:
    store.save(
        Memory(
            links=[Link(id="L", flow="orders", members={"erp": "b"})],
            arrivals=[arrival(ref(id_), due=None) for id_ in "dbca"] + [arrival(ref("e", "bc"))],
        )
    )
    assert ids(store.unlinked("orders", "erp", None, 2)) == ["a", "c"]
    assert ids(store.unlinked("orders", "erp", "c", 2)) == ["d"]


def waiting(of: Ref, *on: Ref) -> Parked:
    return Parked(ref=of, cause="waiting", message="Its customer is not linked yet.", since=NOON, waits=on)


def test_who_waits_for_a_record_is_due_when_it_links(store: Store) -> None:
    anna, screw, nut = ref("anna", flow="customers"), ref("screw", flow="products"), ref("nut", flow="products")
    store.save(
        Memory(
            arrivals=[arrival(ref(id_), due=None, attempts=3) for id_ in ("o1", "o2", "o3")],
            parked=[waiting(ref("o1"), anna, screw), waiting(ref("o2"), nut), waiting(ref("o3"), anna)],
        )
    )
    assert store.due("orders", NOON, 10) == ()
    store.save(Memory(woken=[anna, ref("nobody waits", flow="customers")]))
    assert store.due("orders", NOON, 10) == (arrival(ref("o1")), arrival(ref("o3")))
    assert [parked.ref for parked in store.parked()] == [ref("o2")]
    store.save(Memory(parked=[waiting(ref("o1"), screw)], woken=[screw]))
    assert store.parked_refs([ref("o1")]) == {}, "what is parked is woken by what links in the same step"


def test_waking_one_side_does_not_wake_who_waits_for_the_other(store: Store) -> None:
    store.save(
        Memory(arrivals=[arrival(ref("o1"), due=None)], parked=[waiting(ref("o1"), ref("7", "erp", "customers"))])
    )
    store.save(Memory(woken=[ref("7", "bc", "customers"), ref("7", "erp", "products")]))
    assert store.due("orders", NOON, 10) == ()


def test_many_are_woken_at_once(store: Store) -> None:
    customers = [ref(f"c{i}", flow="customers") for i in range(2_500)]
    orders = [ref(f"o{i}") for i in range(2_500)]
    store.save(
        Memory(
            arrivals=[arrival(order, due=None) for order in orders],
            parked=[waiting(order, customer) for order, customer in zip(orders, customers, strict=True)],
        )
    )
    assert len(store.parked("orders", "waiting")) == 2_500
    store.save(Memory(woken=customers))
    assert store.parked() == ()
    assert len(store.due("orders", NOON, 5_000)) == 2_500


class Observed(RuleBasedStateMachine):
    """Observing, working and parking in any order: the newest observation of a record stays until it is worked off."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{self.folder.name}/s.db")
        self.now = NOON
        self.newest: dict[Ref, Arrival] = {}
        self.in_work: dict[Ref, Arrival] = {}

    @rule(of=st.sampled_from([ref("1"), ref("2"), ref("1", "bc")]))
    def observe(self, of: Ref) -> None:
        self.now += SECOND
        self.newest[of] = arrival(of, self.now, due=self.now)
        self.store.save(Memory(arrivals=[self.newest[of]]))

    @rule(limit=st.integers(1, 3))
    def take(self, limit: int) -> None:
        self.in_work |= {found.ref: found for found in self.store.due("orders", self.now, limit)}

    @rule(data=st.data(), parked=st.booleans())
    def leave(self, data: st.DataObject, parked: bool) -> None:
        for of in data.draw(st.sets(st.sampled_from(sorted(self.in_work)))) if self.in_work else ():
            mine = self.in_work.pop(of)
            tried = replace(mine, attempts=mine.attempts + 1, due=None if parked else self.now + SECOND)
            self.store.save(Memory(arrivals=[tried]))
            if of in self.newest and self.newest[of].seen == mine.seen:
                self.newest[of] = tried

    @rule()
    def finish(self) -> None:
        self.store.save(Memory(done=[(of, mine.seen) for of, mine in self.in_work.items()]))
        for of, mine in self.in_work.items():
            if of in self.newest and self.newest[of].seen == mine.seen:
                del self.newest[of]
        self.in_work.clear()

    @invariant()
    def nothing_observed_is_lost(self) -> None:
        assert self.store.arrivals([ref("1"), ref("2"), ref("1", "bc")]) == self.newest

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestObserved = Observed.TestCase
TestObserved.settings = settings(max_examples=25, stateful_step_count=20)


def test_threads_take_turns_at_saving(store: Store) -> None:
    """Also when a save must look before it writes, as waking does: none is told that another was quicker."""

    def save(worker: int) -> None:
        for i in range(25):
            order, customer = ref(f"{worker}-{i}"), ref(f"{worker}-{i}", flow="customers")
            store.save(Memory(arrivals=[arrival(order, due=None)], parked=[waiting(order, customer)]))
            store.save(Memory(woken=[customer]))

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(save, range(4)))
    assert len(store.due("orders", NOON, 1_000)) == 100
    assert store.parked() == ()
