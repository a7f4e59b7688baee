"""What a store holds after some passes, put there directly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cli.calling import edit
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import LineShadow, Link, LinkState, Record, Ref, Shadow, Value
from syncline.store import Arrival, Entry, Memory, Parked
from syncline.store.memory import Action

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ERP, BC = "customerp", "businesscentral"


def ref(side: str, id_: str, flow: str = "customers") -> Ref:
    return Ref(flow, side, id_)


def entry(minute: int, link: str, about: Ref, action: Action, **told: Any) -> Entry:
    return Entry(at=NOON + timedelta(minutes=minute), flow=about.flow, link=link, ref=about, action=action, **told)


def shadow(*lines: LineShadow, **values: Value) -> Shadow:
    return Shadow(version=None, values=values, lines=lines)


def line(name: str, **values: Value) -> LineShadow:
    return LineShadow(line=name, id=name, values=values)


def waiting(about: Ref, **fields: Any) -> Arrival:
    record = Record(id=about.id, version="1", modified=NOON, fields={"id": about.id, **fields})
    return Arrival(ref=about, record=record, seen=NOON, due=None, attempts=3)


LINKS = [
    Link(id="L-a", flow="customers", members={ERP: "c1", BC: "b1"}),
    Link(id="L-b", flow="customers", members={ERP: "c2", BC: "b2"}),
    Link(id="L-c", flow="customers", members={ERP: "c3", BC: "b3"}, state=LinkState.RESTING),
    Link(id="L-o", flow="orders", members={ERP: "o1", BC: "so1"}, state=LinkState.COMPLETED),
]
ALFREDS = shadow(name="Alfreds Futterkiste", number="10", creditLimit=Decimal("1500.50"), taxable=True)
ORDER = shadow(line("one", quantity=2), line("two", quantity=Decimal("1.5")), orderNo="SO-7", customer="L-a")
SHADOWS = {
    ("L-a", ERP): ALFREDS,
    ("L-a", BC): ALFREDS,
    ("L-b", ERP): shadow(name="Berglunds snabbköp", number="100"),
    ("L-b", BC): shadow(name="Berglunds snabbköp", number="100"),
    ("L-c", ERP): shadow(name="Old\x1b[31mred\nhat", number="7"),
    ("L-o", ERP): ORDER,
    ("L-o", BC): ORDER,
}
JOURNAL = [
    entry(0, "L-a", ref(BC, "b1"), "created", new="Alfreds", origin=ERP),
    entry(1, "L-a", ref(BC, "b1"), "updated", property="name", old="Alfreds", new="Alfreds Futterkiste", origin=ERP),
    entry(2, "L-a", ref(ERP, "c1"), "updated", property="creditLimit", new=Decimal("1500.50"), origin=BC),
    entry(3, "L-a", ref(ERP, "c1"), "lost", property="phone", old="+47 1", new="+47 2", origin=BC, note="latest"),
    entry(4, "L-o", ref(BC, "so1", "orders"), "updated", property="customer", old="L-b", new="L-a"),
    entry(5, "L-o", ref(BC, "so1", "orders"), "updated", property="quantity", line="two", old=1, new=Decimal("1.5")),
    entry(6, "L-o", ref(BC, "so1", "orders"), "deleted", line="three"),
]
PARKED = [
    Parked(
        ref=ref(ERP, "c2"),
        cause="refused",
        message="businesscentral: The field Email contains a value that is not valid.",
        mend="Correct it, in any system.",
        since=NOON,
        details={"side": BC, "code": "Application_InvalidEmail"},
    ),
    Parked(ref=ref(ERP, "c9"), cause="suggested", message="looks like the same record by name", since=NOON, details={}),
    Parked(
        ref=ref(ERP, "o9", "orders"),
        cause="waiting",
        message="waits for customerp/customers/c9",
        since=NOON,
        waits=(ref(ERP, "c9"),),
    ),
]
ARRIVALS = [
    waiting(ref(ERP, "c2"), name="Berglunds snabbköp", customerNo="100"),
    waiting(ref(BC, "b2"), displayName="Berglunds snabbköp", number="100"),
    waiting(ref(ERP, "c9"), name="Nobody yet", customerNo="900"),
    waiting(ref(ERP, "o9", "orders"), orderNo="SO-9", customerId="c9"),
]


def kept(folder: Path, store: str = "sqlite:///syncline.db") -> Path:
    """A project whose systems nobody reaches, and its store."""
    scaffold(folder, businesscentral="http://127.0.0.1:1", customerp="http://127.0.0.1:2", company=None)
    edit(folder / "syncline.yaml", "sqlite:///syncline.db", store)
    keys = {ref(side, link.members[side]): SHADOWS[link.id, ERP].values for link in LINKS[:3] for side in link.members}
    numbers = {about: {"number": values["number"]} for about, values in keys.items()}
    with load(folder).open_store() as opened:
        opened.save(
            Memory(
                links=LINKS,
                shadows=SHADOWS,
                keys=numbers,
                journal=[
                    *JOURNAL,
                    entry(7, "L-none", ref(ERP, "c9"), "parked", note="looks like the same record by name"),
                ],
                parked=PARKED,
                arrivals=ARRIVALS,
            )
        )
    return folder
