"""A store that remembers any number of links, made without any system: what both sides hold, keys, words, a journal of
several entries each; some records parked, some due.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from syncline.records import Link, Record, Ref, Shadow, Value
from syncline.store import Arrival, Delay, Entry, Memory, Parked
from syncline.store.address import SqliteFile
from syncline.store.saving import save
from syncline.store.sqlite import Sqlite

_PAGE = 5_000
_CACHE_KB = 4_000_000
_PARKED = 200
"""One link of so many has a parked record."""
_FIRST = "Alder Birch Cedar Dune Ember Fjord Granite Harbour Iris Juniper Kestrel Linden Maple North Orchard".split()
_SECOND = "Trading Interiors Bakery Clinics Hotels Workshop Printing Schools Outdoor Optics".split()
ERP, BC = "customerp", "businesscentral"


def values_of(at: int) -> dict[str, Value]:
    name = f"{_FIRST[at % 15]} {_SECOND[at // 15 % 10]} {at}"
    return {
        "number": f"C{at:07}",
        "name": name,
        "street": f"Harbour Road {at % 500}",
        "city": ("Oslo", "Aarhus", "Bremen", "Lyon")[at % 4],
        "email": f"post@{name.replace(' ', '').lower()}.example",
        "organisationNumber": f"ORG{at:08}",
        "phone": f"+47{20_000_000 + at}",
        "creditLimit": 5_000 + at,
    }


def _memory(start: int, end: int, began: datetime, *, parking: bool) -> Memory:
    links, shadows, keys, journal = [], {}, {}, []
    parked, arrivals = [], []
    for at in range(start, end):
        members = {ERP: f"c{at}", BC: str(uuid.UUID(int=at))}
        link = Link(id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(at))), flow="customers", members=members)
        values = values_of(at)
        links.append(link)
        when = began + timedelta(microseconds=at)
        for ref in link.refs:
            shadows[link.id, ref.side] = Shadow(version="1", modified=when, values=values)
            keys[ref] = {"number": values["number"], "organisationNumber": values["organisationNumber"]}
            told = Entry(at=when, flow="customers", link=link.id, ref=ref, action="linked")
            journal.append(told)
        right = Ref("customers", BC, members[BC])
        journal.append(Entry(at=when, flow="customers", link=link.id, ref=right, action="created", new=values["name"]))
        journal.append(
            Entry(
                at=when,
                flow="customers",
                link=link.id,
                ref=right,
                action="updated",
                property="city",
                old="Bergen",
                new=values["city"],
                origin=ERP,
            )
        )
        if parking and at % _PARKED == 0:
            left = Ref("customers", ERP, members[ERP])
            record = Record(id=left.id, version="1", modified=when, fields={"name": values["name"]})
            arrivals.append(Arrival(ref=left, record=record, seen=when, due=None if at % 400 else when))
            message = f"{BC}: The field Email of {at} contains a value that is not valid."
            parked.append(Parked(ref=left, cause="refused", message=message, mend="Correct it.", since=when))
    delay = Delay(
        flow="customers",
        hour=began.replace(minute=0, second=0, microsecond=0),
        writes=end - start,
        total=timedelta(seconds=end - start),
        longest=timedelta(seconds=9),
    )
    listed = [("customers", ERP), ("customers", BC)]
    return Memory(
        links=links,
        shadows=shadows,
        keys=keys,
        journal=journal,
        parked=parked,
        arrivals=arrivals,
        delays=[delay],
        listed=listed,
    )


def memories(count: int, since: datetime, *, parking: bool = True) -> Iterator[Memory]:
    """Page by page. ``parking``: some records are parked, and some due."""
    for start in range(0, count, _PAGE):
        yield _memory(start, min(start + _PAGE, count), since, parking=parking)


def fill(store: Path, count: int, *, parking: bool = True) -> float:
    """So many links more in the store of this file, which nobody else has open. The seconds it took.

    In a process of its own: what it needs of memory is not what is measured.
    """
    began = time.perf_counter()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        alone.submit(_fill, store, count, parking).result()
    return time.perf_counter() - began


def _fill(store: Path, count: int, parking: bool) -> None:
    gc.disable()  # nothing here goes in circles, and looking for it is a third of the time
    save_in_bulk(store, memories(count, datetime.now(UTC) - timedelta(hours=2), parking=parking))


def save_in_bulk(store: Path, told: Iterable[Memory]) -> None:
    """The store is then as if each had been saved by itself.

    The rows are the store's own `save`'s. What makes a million of them slow is that they are on the disk page by page,
    and that trees grow in random places: here nothing waits for the disk, and what follows from the rows is made at the
    end. A store that is left in the middle is broken.
    """
    database = Sqlite(SqliteFile(store), durable=False)
    try:
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            for setting in ("foreign_keys = OFF", "journal_mode = OFF", f"cache_size = -{_CACHE_KB}"):
                driver.execute(f"PRAGMA {setting}")
            with connection.begin(), _followed_up(driver):
                for memory in told:
                    save(connection, memory)
        database.begin_journal()
    finally:
        database.close()
    with store.open("rb+") as written:
        os.fsync(written)  # else whoever is measured waits for it


@contextmanager
def _followed_up(driver: sqlite3.Connection) -> Iterator[None]:
    """Without indexes and triggers; then they are made again, and with them what they would have made."""
    asked = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    made = driver.execute(asked).fetchall()
    for kind, name, _ in made:
        driver.execute(f"DROP {kind} {name}")
    yield
    for _, _, statement in made:
        driver.execute(statement)
    driver.execute("DELETE FROM tallies")
    driver.execute("INSERT INTO tallies SELECT flow, state, count(*) FROM links GROUP BY flow, state")
    driver.execute("INSERT INTO word_index (word_index) VALUES ('rebuild')")
