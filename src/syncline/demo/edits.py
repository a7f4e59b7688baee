"""People at work: edits on either side at random, a conflict, an order that is shipped and invoiced; and how each
arrives on the other side.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

from syncline.demo.systems import Central, Customerp, Trouble, pick

_LONGEST = 60.0
_CITIES = "Bergen Cork Delft Essen Faro Ghent Hull Izola Jena Kotor Lund Malaga".split()
_JOBS = "Buyer Director Engineer Owner Planner Secretary Treasurer".split()


class Arrival(NamedTuple):
    """One edit, the side it was made on, and the seconds until the other side showed it."""

    side: str
    record: str
    what: str
    old: Any
    new: Any
    seconds: float


class _Kind(NamedTuple):
    """An entity on both sides: how records find each other, and the paths of one property to edit."""

    erp_entity: str
    erp_key: str
    erp_property: str
    central_entity: str
    central_key: str
    central_property: str
    choices: Callable[[Random], Any]


_KINDS = (
    _Kind("customers", "organisationNumber", "address.city", "customers", "taxRegistrationNumber", "city",
          lambda random: random.choice(_CITIES)),
    _Kind("customers", "organisationNumber", "creditLimit", "customers", "taxRegistrationNumber", "creditLimit",
          lambda random: random.randint(1, 90) * 1_000),
    _Kind("contacts", "email", "jobTitle", "contacts", "email", "jobTitle", lambda random: random.choice(_JOBS)),
    _Kind("products", "sku", "price", "items", "number", "unitPrice", lambda random: random.randint(10, 900)),
    _Kind("orders", "orderNo", "requestedDelivery", "salesOrders", "externalDocumentNumber", "requestedDeliveryDate",
          lambda random: f"2026-0{random.randint(4, 9)}-{random.randint(10, 28)}"),
)  # fmt: skip


class People:
    """Work on both systems by HTTP."""

    def __init__(self, erp: Customerp, central: Central, random: Random) -> None:
        self._erp = erp
        self._central = central
        self._random = random

    async def edit(self) -> Arrival:
        """Change one property of one record on one side, and wait until the other shows it. Raises `Trouble`."""
        kind = self._random.choice(_KINDS)
        key, ours, theirs = await self._pair(kind)
        new = kind.choices(self._random)
        if self._random.random() < 0.5:
            side, old = "Customerp", _at(ours, kind.erp_property)
            await self._erp.change(kind.erp_entity, ours["id"], _nested(kind.erp_property, new))
            seconds = await _until(self._central, kind.central_entity, theirs["id"], kind.central_property, new)
        else:
            side, old = "Business Central", theirs[kind.central_property]
            await self._central.change(kind.central_entity, theirs["id"], {kind.central_property: new})
            seconds = await _until(self._erp, kind.erp_entity, ours["id"], kind.erp_property, new)
        return Arrival(side, f"{kind.erp_entity} {key}", kind.erp_property, old, new, seconds)

    async def conflict(self) -> tuple[str, Any, Any, Any]:
        """Both sides change one property of one record at once: the record, both values, and the one that stays."""
        kind = _KINDS[0]
        key, ours, theirs = await self._pair(kind)
        left, right = self._random.sample(_CITIES, 2)
        await asyncio.gather(
            self._erp.change(kind.erp_entity, ours["id"], _nested(kind.erp_property, left)),
            self._central.change(kind.central_entity, theirs["id"], {kind.central_property: right}),
        )
        end = time.monotonic() + _LONGEST
        while time.monotonic() < end:
            on_left = _at(await self._erp.get(kind.erp_entity, ours["id"]), kind.erp_property)
            on_right = (await self._central.get(kind.central_entity, theirs["id"]))[kind.central_property]
            if on_left == on_right:
                return f"{kind.erp_entity} {key}", left, right, on_left
            await asyncio.sleep(0.1)
        raise Trouble(f"{key} still differs after {_LONGEST:.0f} seconds")

    async def ship_and_invoice(self) -> tuple[str, list[str], float]:
        """An order is shipped and invoiced in Business Central: its number, its invoices, and the delay."""
        key, ours, theirs = await self._pair(_KINDS[-1])
        await self._central.act("salesOrders", theirs["id"], "shipAndInvoice")
        seconds = await _until(self._erp, "orders", ours["id"], "status", "completed")
        return key, list((await self._erp.get("orders", ours["id"]))["invoiceNumbers"]), seconds

    async def _pair(self, kind: _Kind) -> tuple[str, dict[str, Any], dict[str, Any]]:
        ours = pick(await self._erp.all(kind.erp_entity), kind.erp_key)
        theirs = pick(await self._central.all(kind.central_entity), kind.central_key)
        if kind.erp_entity == "orders":
            ours = {key: order for key, order in ours.items() if order["status"] != "completed"}
        key = self._random.choice(sorted(ours.keys() & theirs.keys()))
        return key, ours[key], theirs[key]


async def _until(system: Customerp | Central, entity: str, id_: str, name: str, value: Any) -> float:
    """Seconds until the record shows the value."""
    began = time.monotonic()
    while time.monotonic() - began < _LONGEST:
        if _at(await system.get(entity, id_), name) == value:
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    raise Trouble(f"{entity} {id_} does not show {name} = {value} after {_LONGEST:.0f} seconds")


def _at(record: Mapping[str, Any], path: str) -> Any:
    at: Any = record
    for key in path.split("."):
        at = at.get(key) if isinstance(at, Mapping) else None
    return at


def _nested(path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {head: _nested(rest, value) if rest else value}
