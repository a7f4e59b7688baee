"""What only a server can do: sort as it likes, restart in the middle of work, and lose those who are connected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from postgres import Server
from syncline.records import Link, Record, Ref, Shadow
from syncline.store import Arrival, Entry, Memory, Parked, Store, StoreLocked, StoreLost
from syncline.store.postgres import Postgres

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
IDS = [
    "a",
    "B",
    "ä",
    "Z",
    "a b",
    "a-b",
    "ab",
    "A",
    "Ä",
    "z",
    "10",
    "9",
    "a\0",
    "a\0b",
    "a\1",
    "a\2",
    "a\1\1",
    "",
    "\0",
    "é",
    "e",
]
"""What languages sort as they like."""


@pytest.fixture
def kept(server: Server) -> Iterator[tuple[Server, Store]]:
    with Store.open(server.address()) as store:
        yield server, store


def arrival(id_: str) -> Arrival:
    record = Record(id=id_, version="1", modified=NOON, fields={"id": id_, "note": "a\0b"})
    return Arrival(ref=Ref("customers", "erp", id_), record=record, seen=NOON, due=NOON)


def test_text_is_sorted_and_compared_as_bytes(store: Store) -> None:
    """In either database: pages go on after the last one, and the console's order is the command's."""
    store.save(
        Memory(
            arrivals=[arrival(id_) for id_ in IDS],
            keys={Ref("customers", "erp", id_): {"number": id_} for id_ in IDS},
            links=[Link(id=f"L{id_}", flow="others", members={"erp": id_}) for id_ in IDS],
        )
    )
    in_order = sorted(IDS, key=str.encode)
    assert [each.ref.id for each in store.unlinked("customers", "erp", None, 100)] == in_order
    for after in IDS:
        later = [each.ref.id for each in store.unlinked("customers", "erp", after, 100)]
        assert later == [id_ for id_ in in_order if id_.encode() > after.encode()]
    assert [pair.link.id for pair in store.pairs("others", None, 100)] == [f"L{id_}" for id_ in in_order]
    with store.census("others", "erp") as census:
        census.listed(["a", "A", "\0"])
        census.listed(["a"])
        assert census.absent("B", 3) == tuple(id_ for id_ in in_order if id_ > "B" and id_ != "a")[:3]


def test_a_nul_is_kept_wherever_it_stands(store: Store) -> None:
    """Some system may tell one; PostgreSQL's text cannot hold it, so it is spelled otherwise there."""
    ref = Ref("customers", "erp", "a\0\1b")
    link = Link(id="L", flow="customers", members={"erp": ref.id})
    shadow = Shadow(version="\0", values={"name": "a\0b"})
    entry = Entry(
        at=NOON, flow="customers", link="L", ref=ref, action="edited", old="\0", new="\1", note="no\0te", seq=1
    )
    parked = Parked(ref=ref, link="L", cause="refused", message="\0", mend="\1\1", since=NOON, details={"a\0": "\0"})
    store.save(
        Memory(
            links=[link],
            shadows={("L", "erp"): shadow},
            keys={ref: {"number": "1\0"}},
            journal=[entry],
            parked=[parked],
            cursors={("customers", "erp"): "at\0"},
            facts={"a": "\0"},
        )
    )
    assert store.links_of([ref]) == {ref: "L"}
    assert store.shadows(["L"]) == {("L", "erp"): shadow}
    assert store.by_key("customers", "erp", "number", ["1\0"]) == {"1\0": (ref,)}
    assert store.history(ref) == (entry,)
    assert store.parked() == (parked,)
    assert (store.cursor("customers", "erp"), store.fact("a")) == ("at\0", "\0")


def test_a_server_that_is_started_anew_is_survived_by_the_next_save(kept: tuple[Server, Store]) -> None:
    server, store = kept
    store.save(Memory(facts={"a": "1"}))
    server.restart()
    store.save(Memory(facts={"b": "2"}))
    assert (store.fact("a"), store.fact("b")) == ("1", "2")


def test_a_server_that_is_away_is_told_in_words(kept: tuple[Server, Store]) -> None:
    server, store = kept
    store.save(Memory(facts={"a": "1"}))
    server.stop()
    try:
        with pytest.raises(
            StoreLost, match=r"^The store postgresql://.* cannot be used just now: .*\. What was saved stays\.$"
        ):
            store.fact("a")
        with pytest.raises(StoreLost):
            store.save(Memory(facts={"a": "2"}))
    finally:
        server.start()
    assert store.fact("a") == "1"


def test_a_server_that_stops_within_a_save_leaves_what_was_before(kept: tuple[Server, Store]) -> None:
    server, store = kept
    store.save(Memory(facts={"a": "1"}))

    def save() -> None:
        with store._database.write() as connection:
            connection.exec_driver_sql("UPDATE facts SET text = '2'")
            server.restart()
            connection.exec_driver_sql("UPDATE facts SET text = '3'")

    with pytest.raises(StoreLost):
        save()
    assert store.fact("a") == "1"


def test_who_lost_the_lock_writes_nothing_until_it_is_taken_again(kept: tuple[Server, Store]) -> None:
    server, store = kept
    with store.lock("syncline run"):
        store.save(Memory(facts={"a": "1"}))
        store.keep_lock()
        server.restart()
        with pytest.raises(StoreLost):
            store.save(Memory(facts={"a": "2"}))
        with pytest.raises(StoreLost, match="and with it the lock"):
            store.save(Memory(facts={"a": "3"}))
        assert store.fact("a") == "1"
        assert store.worker() is None
        store.keep_lock()
        assert store.worker() == (os.getpid(), "syncline run")
        store.save(Memory(facts={"a": "4"}))
        server.restart()
        store.keep_lock()  # also where nothing was saved since
        store.save(Memory(facts={"a": "5"}))
    assert store.fact("a") == "5"
    assert store.worker() is None
    store.keep_lock()
    assert store.worker() is None, "who holds none takes none"


def test_the_lock_is_not_taken_again_from_who_was_quicker(kept: tuple[Server, Store]) -> None:
    server, store = kept
    schema = cast(Postgres, store._database).schema
    with store.lock("syncline run"):
        server.restart()
        with Store.open(server.address(schema)) as other, other.lock("syncline sync"):
            with pytest.raises(StoreLocked, match="syncline sync"):
                store.keep_lock()
            with pytest.raises(StoreLost):
                store.save(Memory(facts={"a": "2"}))
            other.save(Memory(facts={"a": "3"}))
        store.keep_lock()
    assert store.fact("a") == "3"


def test_the_lock_can_be_taken_back_while_the_server_is_away(kept: tuple[Server, Store]) -> None:
    server, store = kept
    with store.lock("syncline run"):
        server.stop()
        try:
            with pytest.raises(StoreLost):
                store.keep_lock()
        finally:
            server.start()
        store.keep_lock()
        store.save(Memory(facts={"a": "1"}))


def test_a_look_is_of_one_moment_and_a_save_sees_all_before_it(kept: tuple[Server, Store]) -> None:
    _, store = kept
    store.save(Memory(facts={"a": "1"}))
    with store._database.look() as look:
        assert look.exec_driver_sql("SELECT text FROM facts").scalar() == "1"
        store.save(Memory(facts={"a": "2"}))
        assert look.exec_driver_sql("SELECT text FROM facts").scalar() == "1"
    with ThreadPoolExecutor(1) as other:
        with store._database.write() as first:
            first.exec_driver_sql("UPDATE facts SET text = '3'")
            waiting = other.submit(_appended, store)
        waiting.result()
    assert store.fact("a") == "3+", "who waited for the turn sees what was written meanwhile"


def _appended(store: Store) -> None:
    with store._database.write() as second:
        found = second.exec_driver_sql("SELECT text FROM facts").scalar()
        second.exec_driver_sql(f"UPDATE facts SET text = '{found}+'")


def test_a_table_that_grew_is_known_to_the_planner_at_once(kept: tuple[Server, Store]) -> None:
    """Else the keys of a record are looked for by the index of values, among all there are."""
    server, store = kept
    refs = [Ref("customers", "erp", f"{n}") for n in range(2_000)]
    store.save(Memory(keys={ref: {"number": ref.id, "email": f"{ref.id}@a.no"} for ref in refs}))
    with server.connect(cast(Postgres, store._database).schema) as admin:
        asked = "EXPLAIN DELETE FROM keys WHERE flow = 'customers' AND side = 'erp' AND id = '7'"
        plan = " ".join(row[0] for row in admin.execute(asked).fetchall())
    assert "pk_keys" in plan


def test_many_look_at_once(kept: tuple[Server, Store]) -> None:
    """More than there are connections: they wait for each other."""
    _, store = kept
    store.save(Memory(facts={"a": "1"}))
    with ThreadPoolExecutor(20) as workers:
        assert set(workers.map(store.fact, ["a"] * 200)) == {"1"}


def test_the_journal_is_counted_in_the_order_of_its_saves(kept: tuple[Server, Store]) -> None:
    _, store = kept
    ref = Ref("customers", "erp", "1")

    def save(worker: int) -> None:
        for i in range(20):
            at = NOON + timedelta(seconds=i)
            store.save(
                Memory(journal=[Entry(at=at, flow="customers", link=None, ref=ref, action="parked", note=f"{worker}")])
            )

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(save, range(4)))
    entries = store.journal()
    assert len(entries) == 80
    assert store.entry(entries[50].seq) == entries[50]
