"""A store moves from one database to the other with all that it remembers, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from postgres import Server
from store.test_saving import ENTRY, EVERYTHING, LINK, NOON, WISH, told
from syncline.records import Link, LinkState, Ref, Shadow
from syncline.store import Delay, Memory, Session, Store, StoreError, StoreLocked, User
from syncline.store.copying import contents

Place: TypeAlias = Callable[[], str]
USER = User(name="anna", role="resolve", password="$argon2id$", since=NOON)
SESSION = Session(token="t", user="anna", role="resolve", expires=NOON + timedelta(hours=1))
MORE = Memory(
    links=[
        Link(id=f"M{n}", flow="products", members={"erp": f"{n}", "bc": f"ä{n}\1"}, state=LinkState.RESTING)
        for n in range(2_500)
    ],
    shadows={(f"M{n}", "erp"): Shadow(version=None, values={"name": f"Skrue nummer{n}"}) for n in range(2_500)},
    delays=[Delay(flow="products", hour=NOON, writes=2, total=timedelta(1), longest=timedelta(1))],
)


@pytest.fixture(params=["to postgresql", "to sqlite", "within postgresql", "within sqlite"])
def places(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> tuple[str, str]:
    """Where a store is, and where it shall be."""
    files = iter([f"sqlite:///{tmp_path}/one/a.db", f"sqlite:///{tmp_path}/two/b.db"])
    kinds = {"to postgresql": "sp", "to sqlite": "ps", "within postgresql": "pp", "within sqlite": "ss"}
    one, two = (next(files) if kind == "s" else server.address() for kind in kinds[request.param])
    return one, two


def filled(store: Store) -> None:
    store.save(EVERYTHING)
    store.save(MORE)
    store.save(Memory(unlinks=["M7"]))
    store.save(Memory(links=[replace(MORE.links[8], state=LinkState.ACTIVE)]))
    store.add_user(USER)
    store.begin_session(SESSION, NOON)


def known(store: Store) -> dict[str, Any]:
    return told(store) | {
        "counts": store.counts(),
        "pairs": store.pairs("products", None, 5_000),
        "found": [pair.link.id for pair in store.search("nummer1234")],
        "begun": len(store.search("nummer12", limit=5_000)),
        "delays": store.delays(NOON),
        "users": (store.users(), store.session("t", NOON)),
    }


def test_all_that_is_remembered_moves(places: tuple[str, str]) -> None:
    one, two = places
    steps: list[tuple[str, int, int]] = []
    with Store.open(one) as old:
        filled(old)
        before = known(old)
        found = old.move_to(two, lambda *step: steps.append(step))
        assert known(old) == before, "the old one is as it was"
    rows = sum(content.rows for content in found.values())
    assert found["links"].rows == 2_500
    assert steps[-1][1:] == (rows, rows)
    with Store.open(two) as new:
        assert known(new) == before
        # what comes next is counted on
        new.save(
            Memory(journal=[ENTRY], wishes=[WISH], links=[LINK], shadows={("L1", "erp"): MORE.shadows["M1", "erp"]})
        )
        assert new.newest() == before["history"][-1].seq + 1
        assert [wish.seq for wish in new.wishes()] == [1, 2]
        assert "L1" in [pair.link.id for pair in new.search("skrue", limit=5_000)]
        new.save(Memory(unlinks=["L1"]))
        assert new.counts()["products"].linked == 2_499


def test_what_both_hold_is_told_alike(places: tuple[str, str]) -> None:
    found = []
    for place in places:
        with Store.open(place) as store:
            filled(store)
            with store._database.look() as connection:
                found.append(contents(connection))
            store.save(Memory(facts={"a": "b"}))
            with store._database.look() as connection:
                assert contents(connection)["facts"] != found[-1]["facts"]
    assert {name: content.rows for name, content in found[0].items()} == {
        name: content.rows for name, content in found[1].items()
    }
    same = [name for name in found[0] if name not in {"words", "journal", "wishes"}]  # whose numbers may have gaps
    assert [found[0][name] for name in same] == [found[1][name] for name in same]


def test_a_place_that_has_anything_is_refused(places: tuple[str, str]) -> None:
    one, two = places
    with Store.open(two) as other:
        other.save(Memory(facts={"a": "b"}))
    with Store.open(one) as store:
        store.save(EVERYTHING)
        mend = "delete " if two.startswith("sqlite") else r"say in that database: DROP SCHEMA test_\d+ CASCADE"
        with pytest.raises(
            StoreError, match=f"has something in it, so nothing was copied. If nobody needs that, {mend}"
        ):
            store.move_to(two, lambda *_: None)
        with pytest.raises(StoreError, match="is where the store is already"):
            store.move_to(one, lambda *_: None)
    with Store.open(two) as other:
        assert (other.fact("a"), other.links(["L1"])) == ("b", {})


def test_nothing_moves_while_somebody_works_on_either(places: tuple[str, str]) -> None:
    one, two = places
    with Store.open(one) as store, Store.open(two) as other:
        for working in (store, other):
            with working.lock("syncline run"), pytest.raises(StoreLocked):
                store.move_to(two, lambda *_: None)


def test_a_move_that_is_killed_leaves_the_old_store_and_an_empty_place(places: tuple[str, str]) -> None:
    one, two = places
    with Store.open(one) as store:
        filled(store)
        before = known(store)
    code = """
import os, signal, sys
from syncline.store import Store

def die(table, done, total):
    if table == "shadows":
        os.kill(os.getpid(), signal.SIGKILL)

Store.open(sys.argv[1]).move_to(sys.argv[2], die)
"""
    died = subprocess.run([sys.executable, "-c", code, one, two], check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Store.open(one) as store:
        assert known(store) == before
        with Store.open(two) as place:
            while place.worker() or store.worker():
                pass
            assert place.counts() == {}
        store.move_to(two, lambda *_: None)
    with Store.open(two) as new:
        assert known(new) == before


def test_a_copy_that_differs_is_not_kept(places: tuple[str, str]) -> None:
    """A target that does not keep what it is given."""
    one, two = places
    with Store.open(two) as target, target._database.write() as connection:
        if two.startswith("sqlite"):
            connection.exec_driver_sql(
                "CREATE TRIGGER bent AFTER INSERT ON facts BEGIN UPDATE facts SET text = 'bent'; END"
            )
        else:
            connection.exec_driver_sql(
                "CREATE FUNCTION bent() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN new.text = 'bent'; RETURN new; END $$"
            )
            connection.exec_driver_sql(
                "CREATE TRIGGER bent BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION bent()"
            )
    with Store.open(one) as store:
        filled(store)
        with pytest.raises(StoreError, match="does not hold the same in facts: nothing was moved"):
            store.move_to(two, lambda *_: None)
    with Store.open(two) as target:
        assert target.counts() == {}
        assert target.fact("erp") is None


def test_a_scratch_copy_knows_all_of_one_moment(server: Server) -> None:
    with Store.open(server.address()) as store:
        filled(store)
        before = known(store)
        with store.scratch() as copy:
            store.save(Memory(facts={"erp": "later"}))
            assert known(copy) == before
            copy.save(Memory(unlinks=["L1"], journal=[ENTRY]))
            assert copy.newest() == store.newest() + 1
        assert store.links(["L1"]) == {"L1": LINK}
        assert Ref("customers", "erp", "anna") in store.links_of([Ref("customers", "erp", "anna")])
