"""A store of any earlier Syncline is refused until a person upgrades it, and then nothing is lost."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from msgspec.structs import replace
from sqlalchemy import Connection, MetaData, Table, insert, select, text

from postgres import Server
from store.catalog import catalog, plain
from syncline import store as package
from syncline.records import Create, Link, LinkState, Ref, Shadow
from syncline.store import Arrival, Entry, Intent, Memory, Parked, Store, StoreError, StoreLocked
from syncline.store.columns import RecordId
from syncline.store.ids import told
from syncline.store.schema import VERSION_TABLE, migrate
from syncline.store.tables import REVISION, metadata

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANNA = Ref("customers", "erp", "anna")
UNDER_WAY = Intent(
    id="i1",
    flow="customers",
    link="L1",
    side="bc",
    record=None,
    write=Create(key="i1", fields={"displayName": "Anna"}, lines=({"quantity": 1},)),
    values={"name": "Anna"},
    opened=NOON,
)
_AT = int(NOON.timestamp() * 1_000_000)
_REF = {"flow": "customers", "side": "erp", "id": "anna"}
_WRITE = '{"type":"create","key":"i1","fields":{"displayName":"Anna"},"lines":[{"quantity":1}]}'
REMEMBERED: dict[str, dict[str, Any]] = {
    "facts": {"name": "erp", "text": "company 1"},
    "progress": {"flow": "customers", "side": "erp", "cursor": "c1", "listed": True},
    "links": {"id": "L1", "flow": "customers", "state": "resting"},
    "members": _REF | {"link": "L1"},
    "shadows": {
        "link": "L1",
        "side": "erp",
        "shadow": '{"version":null,"modified":null,"values":{"name":"Åsa Öberg","email":"asa@oberg.se"},"lines":[]}',
    },
    "keys": _REF | {"name": "number", "value": '"A1"'},
    "arrivals": _REF | {"record": None, "seen": _AT, "due": None, "attempts": 2},
    "words": {"link": "L1", "words": "_customers asa oberg se"},
    "parked": _REF | {"cause": "waiting", "message": "No.", "mend": "", "since": _AT, "details": "{}"},
    "waits": _REF | {"on_flow": "orders", "on_side": "erp", "on_id": "1"},
    "intents": {
        "id": "i1",
        "flow": "customers",
        "link": "L1",
        "side": "bc",
        "write": _WRITE,
        "values": '{"name":"Anna"}',
        "opened": _AT,
    },
    "journal": {
        "at": _AT,
        "flow": "customers",
        "link": "L1",
        "side": "erp",
        "record": "anna",
        "action": "linked",
        "note": "",
    },
    "answers": {"link": "L1", "line": "", "property": "name", "value": '"A"', "seen": "{}", "note": "", "at": _AT},
    "wishes": {"kind": "unlink", "flow": "customers", "members": '{"erp":"anna"}', "at": _AT, "seen": 0},
}
"""A row a table, as the schema of its time has it."""


def revisions() -> list[str]:
    scripts = ScriptDirectory(str(Path(package.__file__).with_name("migrations")))
    return sorted(each.revision for each in scripts.walk_revisions())


EARLIER = [each for each in revisions() if each != REVISION]


def remember(connection: Connection) -> None:
    """What there is a table for."""
    kept = MetaData()
    kept.reflect(connection)
    for name, row in REMEMBERED.items():
        if name in kept.tables:
            connection.execute(insert(Table(name, kept)).values(row))


def made(url: str, revision: str) -> None:
    with plain(url) as database, database.write() as connection:
        migrate(connection, database.address, revision)
        remember(connection)


@pytest.mark.parametrize("revision", EARLIER)
def test_a_store_of_an_earlier_syncline_is_brought_to_date_with_nothing_lost(url: str, revision: str) -> None:
    made(url, revision)
    with pytest.raises(
        StoreError, match=rf"earlier Syncline \(schema {revision}; this one needs {REVISION}\).*: syncline upgrade"
    ):
        Store.open(url)
    done = Store.upgrade(url)
    assert done
    assert (done.before, done.after) == (revision, REVISION)
    with Store.open(url) as store:
        assert store.fact("erp") == "company 1"
        assert store.listed("customers", "erp")
        assert store.open_intents() == (UNDER_WAY,)
        link = Link(id="L1", flow="customers", members={"erp": "anna"}, state=LinkState.RESTING)
        shadow = Shadow(version=None, values={"name": "Åsa Öberg", "email": "asa@oberg.se"})
        (pair,) = store.search("oberg asa")
        assert (pair.link, pair.shadows) == (link, {"erp": shadow})
        assert store.by_key("customers", "erp", "number", ["A1"]) == {"A1": (ANNA,)}
        assert store.arrivals([ANNA])[ANNA].attempts == 2
        assert [parked.waits for parked in store.parked()] == [(Ref("orders", "erp", "1"),)]
        assert store.standing("customers", NOON).resting == store.counts()["customers"].resting == 1
        assert [(e.action, e.by) for e in store.history(ANNA)] == [("linked", None)]
        if revision >= "0003":
            assert [answer.value for answer in store.answers(["L1"])] == ["A"]
            assert [wish.kind for wish in store.wishes()] == ["unlink"]
    assert Store.upgrade(url) is None


BC_ID = "f2a5738a-44e3-ea11-bb43-000d3a2feca1"


@pytest.mark.parametrize("id_", [BC_ID, "~wave", "~~", "anna"])
def test_ids_are_as_if_they_were_saved_today(url: str, id_: str, tmp_path: Path, server: Server) -> None:
    """Wherever there is one. What was kept before is here made from what is kept now."""
    new = f"sqlite:///{tmp_path}/new.db" if url.startswith("sqlite") else server.address()
    ref, other = Ref("customers", "bc", id_), Ref("customers", "erp", "1")
    parked = Parked(ref=ref, cause="waiting", message="", mend="", since=NOON, waits=(Ref("contacts", "bc", id_),))
    with Store.open(new) as store:
        store.save(
            Memory(
                links=[Link(id="L1", flow="customers", members={"bc": id_})],
                keys={ref: {"number": "A1"}},
                arrivals=[Arrival(ref=ref, record=None, seen=NOON, due=None)],
                parked=[parked],
                opened=[replace(UNDER_WAY, record=id_)],
                journal=[Entry(at=NOON, flow="customers", link="L1", ref=ref, action="linked")],
                apart=[frozenset({ref, other})],
            )
        )
    with plain(new) as database, database.look() as connection:
        expected = _rows(connection)
    with plain(url) as database, database.write() as connection:
        migrate(connection, database.address, "0007")
        before = MetaData()
        before.reflect(connection)
        for table in metadata.sorted_tables:
            ids = {column.name for column in table.columns if isinstance(column.type, RecordId)}
            for row in expected[table.name] if table.name != "tallies" else ():
                kept = {name: told(value) if name in ids and value else value for name, value in row.items()}
                connection.execute(insert(before.tables[table.name]).values(kept))
    Store.upgrade(url)
    with plain(url) as database, database.look() as connection:
        assert _rows(connection) == expected
    with Store.open(url) as store:
        assert store.links_of([ref]) == {ref: "L1"}
        assert store.parked() == (replace(parked, link="L1"),)


def _rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """As they are kept, by table."""
    kept = MetaData()
    kept.reflect(connection)
    return {
        name: [dict(row._mapping) for row in connection.execute(select(kept.tables[name]))] for name in metadata.tables
    }


@pytest.mark.parametrize("revision", EARLIER)
def test_an_upgraded_schema_is_the_same_as_a_new_one(url: str, revision: str, tmp_path: Path, server: Server) -> None:
    made(url, revision)
    Store.upgrade(url)
    new = f"sqlite:///{tmp_path}/new.db" if url.startswith("sqlite") else server.address()
    Store.open(new).close()
    assert catalog(url) == catalog(new)


def test_a_file_is_kept_as_it_was_before_the_upgrade(file_url: str) -> None:
    made(file_url, "0003")
    done = Store.upgrade(file_url)
    assert done
    assert done.copy == Path(file_url.removeprefix("sqlite:///")).with_name(f"syncline.db.before-{REVISION}")
    with plain(f"sqlite:///{done.copy}") as database, database.look() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == "0003"
        assert connection.scalar(text("SELECT count(*) FROM wishes")) == 1
    done.copy.replace(file_url.removeprefix("sqlite:///"))
    assert Store.upgrade(file_url), "a copy can be upgraded as any store"


def test_a_store_that_somebody_works_on_is_not_upgraded(url: str) -> None:
    made(url, "0004")
    with plain(url) as database, database.lock("syncline run"):
        with pytest.raises(StoreLocked) as told:
            Store.upgrade(url)
        assert told.value.pid == os.getpid()
    assert Store.upgrade(url)


def test_an_upgrade_that_fails_leaves_what_was_there(url: str) -> None:
    made(url, "0004")
    with plain(url) as database, database.write() as connection:
        connection.execute(text("CREATE TABLE sessions (theirs integer)"))
    with pytest.raises(StoreError, match=r"cannot be used as a store: .*sessions.*already exists"):
        Store.upgrade(url)
    with plain(url) as database, database.write() as connection:
        connection.execute(text("DROP TABLE sessions"))
    done = Store.upgrade(url)
    assert done
    assert done.before == "0004"


def test_a_file_that_is_not_there_is_not_made_by_an_upgrade(file_url: str) -> None:
    with pytest.raises(StoreError, match="is not there"):
        Store.upgrade(file_url)
    assert not Path(file_url.removeprefix("sqlite:///")).exists()
