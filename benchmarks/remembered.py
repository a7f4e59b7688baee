"""A store that remembers any number of links, made without any system: what both sides hold, keys, words, a journal of
several entries each; some records parked, some due.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

from syncline.records import Link, Record, Ref, Shadow, Value
from syncline.store import Arrival, Delay, Entry, Memory, Parked, Store

_PAGE = 5_000
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


def fill(store: Store, count: int, *, parking: bool = True) -> float:
    """Seconds that saving took. ``parking``: some records are parked, and some due."""
    began, took = datetime.now(UTC) - timedelta(hours=2), 0.0
    for start in range(0, count, _PAGE):
        memory = _memory(start, min(start + _PAGE, count), began, parking=parking)
        before = time.perf_counter()
        store.save(memory)
        took += time.perf_counter() - before
    return took
