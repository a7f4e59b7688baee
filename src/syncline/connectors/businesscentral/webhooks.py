"""Subscriptions: what Business Central is asked to announce, and what its notifications say.

Nothing is remembered of them here: which there are, and until when, the system itself tells.
"""

from __future__ import annotations

import hmac
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from syncline.connectors.base import Call, Heard, Hook, NotTheirs
from syncline.connectors.businesscentral.answers import ETAG, moment
from syncline.connectors.businesscentral.client import Client
from syncline.connectors.businesscentral.traits import touched_by, traits_of

NOTIFIED = frozenset(
    "accounts companyInformation countriesRegions currencies customerPaymentJournals customers dimensions employees "
    "generalLedgerEntries itemCategories items journals paymentMethods paymentTerms purchaseInvoices "
    "salesCreditMemos salesInvoices salesOrders salesQuotes shipmentMethods unitsOfMeasure vendors".split()
)
"""What can be subscribed to, by the product's documentation (``Working with webhooks``). Contacts cannot."""

AFTER = 30.0
"""Seconds from the first change to the notifications (``Working with webhooks``)."""
_LEFT = timedelta(days=1, hours=12)
"""A subscription lives three days: one that has less than this is renewed, so that there is time to try again."""
_VALIDATION = "validationToken"
_LONGEST_TOKEN = 1_000
_RESOURCE = re.compile(r"companies\(([^()]*)\)/([A-Za-z]+)(?:\(([^()]*)\))?")


class _Notification(Struct, rename="camel"):
    resource: str
    change_type: str
    client_state: str = ""


class _Notifications(Struct):
    value: list[_Notification]


async def subscribe(client: Client, hook: Hook, entities: Collection[str]) -> None:
    """Make, renew and end what there is for this address, so that just these, and what touches them, are announced.

    Raises `ConnectorError`; a handshake that fails is one.
    """
    company = (await client.company()).id
    wanted = {name for each in entities for name in _watched(each)}
    there: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    subscriptions, now = await client.subscriptions()
    for told in subscriptions:
        found = _RESOURCE.search(str(told.get("resource")))
        if found and found[1].lower() == company.lower() and told.get("notificationUrl") == hook.url:
            there[found[2]].append(told)
    for name, ours in there.items():
        for surplus in ours[1:] if name in wanted else ours:
            await client.unsubscribe(str(surplus["subscriptionId"]), str(surplus[ETAG]))
    for name in sorted(wanted):
        said = {"notificationUrl": hook.url, "resource": f"/api/v2.0/companies({company})/{name}"}
        said["clientState"] = hook.secret.hex()
        if name not in there:
            await client.subscribe(said)
        elif there[name][0].get("clientState") != said["clientState"] or not _lasts(there[name][0], now):
            await client.renew(str(there[name][0]["subscriptionId"]), str(there[name][0][ETAG]), said)


def heard(hook: Hook, call: Call) -> Heard:
    """Raises `NotTheirs`. A handshake, as anybody may ask for it, is given back what it gave, and nothing else."""
    if token := call.query.get(_VALIDATION):
        if len(token) > _LONGEST_TOKEN or not token.isprintable():
            raise NotTheirs
        return Heard(reply=token)
    try:
        told = msgspec.json.decode(call.body, type=_Notifications).value
    except msgspec.DecodeError as error:
        raise NotTheirs from error
    secret = hook.secret.hex().encode()
    if not all(hmac.compare_digest(each.client_state.encode(), secret) for each in told):
        raise NotTheirs
    entities: set[str] = set()
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for each in told:
        found = _RESOURCE.search(each.resource)
        if found is None:
            continue
        entities |= {found[2], *touched_by(found[2])}
        if each.change_type == "deleted" and found[3]:
            gone[found[2]].append(found[3])
    return Heard(entities=frozenset(entities), gone={name: tuple(ids) for name, ids in gone.items()})


def announced(entities: Iterable[str]) -> frozenset[str]:
    """Those of which, and of all that touches them, changes can be subscribed to."""
    return frozenset(each for each in entities if set(_watched(each)) <= NOTIFIED)


def _watched(entity: str) -> tuple[str, ...]:
    watch = traits_of(entity).watch
    return (entity,) if watch is None else (entity, watch.entity)


def _lasts(told: Mapping[str, Any], now: datetime | None) -> bool:
    ends = moment(told.get("expirationDateTime"))
    return ends is not None and now is not None and ends - now > _LEFT
