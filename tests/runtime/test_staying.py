"""Passes that go on: what is announced is looked at at once, the rest often, and nothing depends on a call."""

from __future__ import annotations

from typing import Any

import pytest

from engine.pair import Pair
from runtime.living import Living, living, until, with_webhooks
from syncline.runtime.paces import Paces

NEVER = Paces(every=3_600, sweep=3_600)


async def _soon(both: Pair, seconds: float = 0.05) -> None:
    """How long Business Central waits after the first change before it tells."""
    await both.central.ask(
        "POST", f"{both.addresses['businesscentral']}/sandbox/notifications", {"windowSeconds": seconds}
    )


async def _customer(both: Pair, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One that both sides have."""
    ours = await both.erp.create("customers", {"name": name, "address": {"city": "Turku"}})
    await both.sync()
    theirs = next(each for each in await both.central.all("customers") if each["displayName"] == name)
    return ours, theirs


async def _ready(alive: Living) -> None:
    """Both announce, and the first pass is over."""
    await until(lambda: alive.both_announce)
    await until(lambda: alive.results)


async def _in_helsinki(both: Pair, ours: dict[str, Any]) -> None:
    """Until the edit is in Customerp."""

    async def arrived() -> bool:
        city: str = (await both.erp.get("customers", ours["id"]))["address"]["city"]
        return city == "Helsinki"

    await until(arrived)


async def test_what_a_webhook_announces_is_brought_in_step_without_a_poll(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = await _customer(both, "Aalto")
    with_webhooks(both, monkeypatch)
    await _soon(both)
    async with living(both, NEVER) as alive:
        await until(lambda: alive.both_announce)
        assert {("customers", "customerp"), ("customers", "businesscentral")} <= alive.announced()
        assert ("contacts", "businesscentral") not in alive.announced()
        await until(lambda: alive.results)
        await both.central.change("customers", theirs["id"], {"city": "Helsinki"})
        await _in_helsinki(both, ours)
        assert not alive.failures


async def test_an_edit_in_customerp_is_announced_too(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = await _customer(both, "Aalto")
    with_webhooks(both, monkeypatch)
    async with living(both, NEVER) as alive:
        await _ready(alive)
        await both.erp.change("customers", ours["id"], {"address": {"city": "Helsinki"}})

        async def arrived() -> bool:
            city: str = (await both.central.get("customers", theirs["id"]))["city"]
            return city == "Helsinki"

        await until(arrived)
        assert not alive.failures


async def test_a_deletion_that_is_announced_is_confirmed_and_decided(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, theirs = await _customer(both, "Aalto")
    both.change_flow("customers", "delete: ask", "delete: propagate")
    with_webhooks(both, monkeypatch)
    await _soon(both)
    async with living(both, NEVER) as alive:
        await _ready(alive)
        await both.central.ask("DELETE", f"customers({theirs['id']})", headers={"If-Match": theirs["@odata.etag"]})

        async def gone() -> bool:
            return not await both.erp.all("customers")

        await until(gone)


async def test_what_nobody_announces_is_asked_often(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    with_webhooks(both, monkeypatch)
    async with living(both, Paces(every=0.1, sweep=3_600)) as alive:
        await _ready(alive)
        await both.central.create("contacts", {"type": "Person", "displayName": "Aino Aalto"})

        async def there() -> list[Any]:
            return await both.erp.all("contacts")

        await until(there)


async def test_what_is_announced_late_is_asked_all_the_same(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Business Central tells half a minute later, if at all: whoever asks every few seconds hears it sooner."""
    ours, theirs = await _customer(both, "Aalto")
    with_webhooks(both, monkeypatch)
    await _soon(both, 80_000)
    async with living(both, Paces(every=0.2, sweep=3_600)) as alive:
        await _ready(alive)
        await both.central.change("customers", theirs["id"], {"city": "Helsinki"})
        await _in_helsinki(both, ours)


async def test_a_webhook_that_is_lost_loses_nothing(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = await _customer(both, "Aalto")
    with_webhooks(both, monkeypatch)
    await _soon(both, 80_000)
    async with living(both, Paces(every=0.1, sweep=0.3)) as alive:
        await _ready(alive)
        await both.central.change("customers", theirs["id"], {"city": "Helsinki"})
        await _in_helsinki(both, ours)


async def test_a_system_that_is_away_is_tried_again_with_pauses_that_grow_and_vary(both: Pair) -> None:
    async with living(both, Paces(every=0.1, sweep=0.1)) as alive:
        await until(lambda: alive.results)
        await both.fail("customerp", {"kind": "503", "times": 100, "retryAfter": 600})
        failures = await until(lambda: alive.failures if len(alive.failures) > 2 else None)
        pauses = [pause for _, pause in failures[:3]]
        assert all(0.8 * wanted <= pause <= 1.2 * wanted for pause, wanted in zip(pauses, (0.1, 0.2, 0.4), strict=True))
        await both.fail("customerp")
        await until(lambda: alive.mended)
