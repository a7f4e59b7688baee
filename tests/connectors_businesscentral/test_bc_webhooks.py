"""Subscriptions: made, renewed and ended by what Business Central itself tells of them; and what is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.pair import Pair
from sandbox_businesscentral.receiver import Receiver, receiving
from syncline.connectors.base import Call, ConnectorError, Heard, Hook, NotTheirs
from syncline.connectors.businesscentral.connector import BusinessCentral
from syncline.demo.systems import CENTRAL_ROOT

DAY = 86_400


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def hook(receiver: Receiver) -> Hook:
    return Hook(url=receiver.url, secret=b"0123456789")


@pytest_asyncio.fixture
async def bc(both: Pair) -> AsyncIterator[BusinessCentral]:
    async with BusinessCentral("bc", both.addresses["businesscentral"] + CENTRAL_ROOT) as connector:
        yield connector


async def _subscriptions(both: Pair) -> list[dict[str, Any]]:
    root = both.addresses["businesscentral"] + CENTRAL_ROOT
    found: list[dict[str, Any]] = (await both.central.ask("GET", f"{root}subscriptions"))["value"]
    return found


def _sets(told: list[dict[str, Any]]) -> list[str]:
    return sorted(each["resource"].rpartition("/")[2] for each in told)


async def test_what_is_read_and_what_touches_it_is_subscribed_to_once(
    both: Pair, bc: BusinessCentral, hook: Hook
) -> None:
    assert bc.announced({"customers", "contacts", "items"}) == {"customers", "items"}
    assert await bc.subscribe(hook, {"customers", "items"})
    first = await _subscriptions(both)
    assert _sets(first) == ["customers", "items", "salesInvoices"]
    assert {each["clientState"] for each in first} == {hook.secret.hex()}
    assert await bc.subscribe(hook, {"customers", "items"})
    assert await _subscriptions(both) == first


async def test_what_is_lost_is_made_again_and_what_is_not_wanted_ends(
    both: Pair, bc: BusinessCentral, hook: Hook, receiver: Receiver
) -> None:
    await bc.subscribe(hook, {"customers", "items"})
    other = Hook(url=receiver.url + "/of-another", secret=b"another")
    await bc.subscribe(other, {"items"})
    lost = next(each for each in await _subscriptions(both) if each["resource"].endswith("customers"))
    root = both.addresses["businesscentral"] + CENTRAL_ROOT
    address = f"{root}subscriptions('{lost['subscriptionId']}')"
    await both.central.ask("DELETE", address, headers={"If-Match": lost["@odata.etag"]})
    await bc.subscribe(hook, {"customers"})
    told = await _subscriptions(both)
    assert _sets([each for each in told if each["notificationUrl"] == hook.url]) == ["customers", "salesInvoices"]
    assert _sets([each for each in told if each["notificationUrl"] == other.url]) == ["items"]


async def test_two_of_the_same_become_one(both: Pair, bc: BusinessCentral, hook: Hook) -> None:
    """An answer that was lost may have left one behind."""
    await bc.subscribe(hook, {"items"})
    (first,) = await _subscriptions(both)
    root = both.addresses["businesscentral"] + CENTRAL_ROOT
    body = {name: first[name] for name in ("notificationUrl", "resource", "clientState")}
    await both.central.ask("POST", f"{root}subscriptions", body)
    await bc.subscribe(hook, {"items"})
    assert await _subscriptions(both) == [first]


@pytest.mark.parametrize(("days", "is_renewed"), [(1.4, False), (1.6, True)])
async def test_one_that_ends_soon_is_renewed(
    both: Pair, bc: BusinessCentral, hook: Hook, days: float, is_renewed: bool
) -> None:
    """By Business Central's own clock: ours may be wrong."""
    await bc.subscribe(hook, {"items"})
    (before,) = await _subscriptions(both)
    await both.central.ask("POST", f"{both.addresses['businesscentral']}/sandbox/clock", {"advanceSeconds": days * DAY})
    await bc.subscribe(hook, {"items"})
    (after,) = await _subscriptions(both)
    assert after["subscriptionId"] == before["subscriptionId"]
    assert (after["expirationDateTime"] > before["expirationDateTime"]) is is_renewed


async def test_a_new_secret_is_told(both: Pair, bc: BusinessCentral, hook: Hook) -> None:
    await bc.subscribe(hook, {"items"})
    await bc.subscribe(Hook(url=hook.url, secret=b"another"), {"items"})
    assert [each["clientState"] for each in await _subscriptions(both)] == [b"another".hex()]


async def test_a_handshake_that_fails_is_told(bc: BusinessCentral, hook: Hook, receiver: Receiver) -> None:
    receiver.handshake_status = 500
    with pytest.raises(ConnectorError, match="handshake"):
        await bc.subscribe(hook, {"items"})


# --- what is heard


def _call(body: object, **query: str) -> Call:
    return Call(query=query, headers={}, body=msgspec.json.encode(body))


def _told(resource: str, change: str = "updated", state: str = b"0123456789".hex()) -> dict[str, Any]:
    return {"subscriptionId": "s", "clientState": state, "resource": resource, "changeType": change}


async def test_a_notification_says_where_to_look(bc: BusinessCentral, hook: Hook) -> None:
    told = [
        _told("api/v2.0/companies(c)/customers(a)"),
        _told("api/v2.0/companies(c)/items(b)", "deleted"),
        _told("api/v2.0/companies(c)/items?$filter=lastModifiedDateTime%20gt%202026-01-01", "collection"),
        _told("api/v2.0/companies(c)/salesInvoices(d)", "created"),
    ]
    heard = bc.heard(hook, _call({"value": told}))
    assert heard.entities == frozenset({"customers", "items", "salesInvoices", "salesOrders"})
    assert heard.gone == {"items": ("b",)}


async def test_a_handshake_is_answered(bc: BusinessCentral, hook: Hook) -> None:
    assert bc.heard(hook, _call({}, validationToken="t")) == Heard(reply="t")


@pytest.mark.parametrize(
    "call",
    [
        _call({"value": [_told("api/v2.0/companies(c)/items(b)"), _told("api/v2.0/companies(c)/items(b)", state="x")]}),
        _call({"value": [{"resource": "api/v2.0/companies(c)/items(b)", "changeType": "updated"}]}),
        _call({"said": "something else"}),
        Call(query={}, headers={}, body=b"no JSON"),
        _call({}, validationToken="t" * 1_001),
        _call({}, validationToken="<b>\n"),
    ],
    ids=["one of another", "no secret", "another shape", "no JSON", "a long token", "a strange token"],
)
async def test_a_call_of_others_is_not_heard(bc: BusinessCentral, hook: Hook, call: Call) -> None:
    with pytest.raises(NotTheirs):
        bc.heard(hook, call)
