"""A store that real passes between the sandboxes have filled, with something of everything that people decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from console.elsewhere import Elsewhere, elsewhere
from engine.pair import Pair, pair

CONFLICT = "Alder Trading"
REFUSED = "Birch Interiors"
TWIN = "Cedar Bakery"
PLAIN = "Dune Clinics"
ORDER = "SO-7001"


class Filled(Struct, frozen=True, eq=False):
    """Two systems, a project, and a store."""

    both: Pair
    there: Elsewhere

    @property
    def folder(self) -> Path:
        return self.both.folder

    def sync(self) -> None:
        """A pass."""
        self.there.run(self.both.sync())

    def in_central(self, name: str) -> dict[str, Any]:
        """The customer of this name, as Business Central has it now."""
        found = self.there.run(self.both.central.all("customers", f"$filter=displayName eq '{name}'"))
        (one,) = found
        return dict(one)


@contextmanager
def filled(folder: Path) -> Iterator[Filled]:
    with elsewhere() as there:
        made = pair(folder)
        both = there.run(made.__aenter__())
        try:
            there.run(_fill(both))
            yield Filled(both, there)
        finally:
            there.run(made.__aexit__(None, None, None))


async def _fill(both: Pair) -> None:
    """Customers with an order; then a conflict, a refusal, a suggestion, an order that waits, and an edit."""
    both.change_flow("customers", "city:               {customerp: address.city,       businesscentral: city}", _ASKED)
    erp, central = both.erp, both.central
    ours = await erp.create("customers", _customer(CONFLICT, "A1", city="Ulm"))
    plain = await erp.create("customers", _customer(PLAIN, "A2", city="Bergen", phone="+4721100200"))
    goods = [await erp.create("products", _product(n)) for n in range(2)]
    lines = [{"productId": g["id"], "quantity": n + 1, "unit": "PCS", "unitPrice": 20 + n} for n, g in enumerate(goods)]
    order = {"orderNo": ORDER, "customerId": plain["id"], "orderDate": "2026-03-02", "lines": lines}
    await erp.create("orders", order)
    await both.sync()
    (theirs,) = await central.all("customers", f"$filter=displayName eq '{CONFLICT}'")
    await erp.change("customers", ours["id"], {"address": {"city": "Oslo"}})
    await central.change("customers", theirs["id"], {"city": "Rome"})
    await erp.change("customers", plain["id"], {"phone": "+4721100999"})
    refused = await erp.create("customers", _customer(REFUSED, "A3", city="Lyon") | {"currency": "XPF"})
    await erp.create("orders", {**order, "orderNo": "SO-7002", "customerId": refused["id"]})
    await erp.create("customers", {"name": TWIN, "address": {"city": "Oslo", "postalCode": "0150"}})
    await central.create("customers", {"type": "Company", "displayName": TWIN, "city": "Bergen", "postalCode": "0150"})
    await both.sync()


_ASKED = "city:               {customerp: address.city,       businesscentral: city, conflict: ask}"


def _customer(name: str, number: str, *, city: str, phone: str | None = None) -> dict[str, Any]:
    slug = name.replace(" ", "").lower()
    made = {"name": name, "organisationNumber": number, "email": f"post@{slug}.example", "address": {"city": city}}
    return made | ({"phone": phone} if phone else {})


def _product(at: int) -> dict[str, Any]:
    return {
        "sku": f"P{1000 + at}",
        "name": ("Desk, oak", "Lamp, steel")[at],
        "kind": "stock",
        "category": "FURNITURE",
        "unit": "PCS",
        "price": 20 + at,
        "taxGroup": "STANDARD",
    }
