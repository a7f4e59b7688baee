"""Windows, pauses and expiry by a clock of the test's own, with a real receiver and a real data file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox_businesscentral.receiver import Receiver, receiving
from syncline.sandbox.businesscentral.company import MEMORY, Company, Database
from syncline.sandbox.businesscentral.contents import setup
from syncline.sandbox.businesscentral.service import Call
from syncline.sandbox.businesscentral.values import moment
from syncline.sandbox.businesscentral.webhooks.control import NOTIFY, Webhooks

_ROOT = "http://127.0.0.1/v2.0/local/sandbox/api/v2.0"


class Timed(Database):
    """A database whose clock stands still until it is moved."""

    time = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> str:
        return moment(self.time)


class Hub:
    def __init__(self, database: Timed, company: Company, receiver: Receiver) -> None:
        self.database = database
        self.company = company
        self.receiver = receiver
        self.webhooks = Webhooks(database, NOTIFY, most=lambda: 200)

    async def subscribe(self, entity_set: str) -> dict[str, Any]:
        resource = f"/api/v2.0/companies({self.company.id})/{entity_set}"
        body = {"notificationUrl": self.receiver.url, "resource": resource}
        return await self.call("POST", "subscriptions", body)

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        call = Call(method=method, path=path, body=body, headers={"if-match": "*"})
        answer = await self.webhooks.subscriptions.answer(call, _ROOT)
        assert answer.status < 300
        found: dict[str, Any] = msgspec.json.decode(answer.body)
        return found

    def change(self, count: int = 1) -> list[str]:
        with self.database.transaction():
            return [setup.add(self.company, "items", {"number": f"I{next(self.numbers)}"}) for _ in range(count)]

    async def after(self, **passed: float) -> int:
        """So much later: how many requests the receiver has had by then."""
        self.database.time += timedelta(**passed)
        await self.webhooks.notifier.deliver()
        return len(self.receiver.notifications)

    numbers: Iterator[int] = iter(range(1_000_000))


@asynccontextmanager
async def hub_over(data: Any) -> AsyncIterator[Hub]:
    database = Timed(data)
    with database.transaction():
        company = database.companies[0] if database.companies else setup.add_company(database, "Timed")
    with receiving() as receiver:
        hub = Hub(database, company, receiver)
        async with hub.webhooks.notifier.running():
            yield hub
    database.close()


async def test_all_that_changed_is_told_30_seconds_after_the_first_change() -> None:
    """Source: ScheduleJob: one job, 30 seconds after the first change, takes all that waits."""
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        first = hub.change()
        assert await hub.after(seconds=20) == 0
        second = hub.change()
        assert await hub.after(seconds=9.9) == 0
        assert await hub.after(seconds=0.1) == 1
        assert hub.receiver.told() == [("created", key) for key in first + second]
        hub.change()
        assert await hub.after(seconds=29) == 1
        assert await hub.after(seconds=1) == 2


async def test_the_pauses_between_attempts_grow() -> None:
    """Source: GetDelayTimeForAttempt; after the last one, 35.2 hours later, the subscription is ended."""
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        hub.receiver.status = 503
        hub.change()
        count = 1
        assert await hub.after(seconds=30) == count
        for pause in (60, 60, 600, 6_000, 60_000, 60_000):
            assert await hub.after(seconds=pause - 1) == count
            count += 1
            assert await hub.after(seconds=1) == count
        assert (await hub.call("GET", "subscriptions"))["value"] == []


async def test_new_changes_take_along_what_failed() -> None:
    """Source: TransferAggregateNotificationsToBuffer; IncreaseAttemptNumber counts only what was due."""
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        hub.receiver.status = 503
        (first,) = hub.change()
        await hub.after(seconds=30)
        (second,) = hub.change()
        assert await hub.after(seconds=30) == 2
        assert hub.receiver.told()[1:] == [("created", first), ("created", second)]
        (there,) = hub.webhooks.notifier.told()["waiting"]
        assert (there["failed"], there["attempts"]) == (2, 1)
        hub.receiver.status = 200
        assert await hub.after(seconds=30) == 3
        assert hub.webhooks.notifier.told()["waiting"] == []


async def test_a_subscription_that_is_not_renewed_ends_after_three_days() -> None:
    """Source: Working with webhooks; TestDeleteExpiredSubscriptions, ...OnCreateItemExpiredSubscription."""
    async with hub_over(MEMORY) as hub:
        kept = await hub.subscribe("items")
        await hub.subscribe("items")
        hub.change()
        assert await hub.after(days=2) == 1
        assert len(hub.receiver.entries()) == 2
        at = f"subscriptions('{kept['subscriptionId']}')"
        renewed = await hub.call("PATCH", at, {})
        assert renewed["expirationDateTime"] == moment(hub.database.time + timedelta(days=3))
        hub.change()
        await hub.after(days=1)
        assert [each["subscriptionId"] for each in hub.receiver.entries()[2:]] == [kept["subscriptionId"]]
        assert [each["subscriptionId"] for each in (await hub.call("GET", "subscriptions"))["value"]] == [
            kept["subscriptionId"]
        ]
        assert await hub.after(days=2) == 2
        assert (await hub.call("GET", "subscriptions"))["value"] == []
        hub.change()
        assert await hub.after(minutes=1) == 2


async def test_what_expired_while_the_server_was_down_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    async with hub_over(data) as hub:
        await hub.subscribe("items")
        hub.change()
    later = Timed(data)
    later.time += timedelta(days=3)
    assert Webhooks(later, NOTIFY, most=lambda: 200).subscriptions.all() == []
    assert later.execute("SELECT count(*) FROM webhookChanges").fetchone() == (0,)
    later.close()


async def test_data_that_is_brought_back_brings_its_subscribers() -> None:
    """As a restored snapshot does: nothing that was remembered beside the data may stand against it."""
    async with hub_over(MEMORY) as hub:
        before, after = (sqlite3.connect(MEMORY) for _ in range(2))
        hub.database._connection.backup(before)
        await hub.subscribe("items")
        (told,) = hub.change()
        hub.database._connection.backup(after)
        before.backup(hub.database._connection)
        hub.webhooks.reload()
        hub.change()
        assert await hub.after(minutes=1) == 0
        assert (await hub.call("GET", "subscriptions"))["value"] == []
        after.backup(hub.database._connection)
        hub.webhooks.reload()
        (later,) = hub.change()
        assert await hub.after(minutes=1) == 1
        assert hub.receiver.told() == [("created", told), ("created", later)]
        before.close()
        after.close()


async def test_a_company_that_is_no_more_has_no_subscribers() -> None:
    async with hub_over(MEMORY) as hub:
        other = setup.add_company(hub.database, "Other")
        resource = f"companies({other.id})/items"
        await hub.call("POST", "subscriptions", {"notificationUrl": hub.receiver.url, "resource": resource})
        await hub.subscribe("items")
        hub.database.execute("DELETE FROM companies WHERE id = ?", (other.id,))
        for (name,) in hub.database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '2$%'"
        ).fetchall():
            hub.database.execute(f'DROP TABLE "{name}"')
        del hub.database._companies[other.id]
        hub.webhooks.reload()
        (left,) = (await hub.call("GET", "subscriptions"))["value"]
        assert hub.company.id in left["resource"]
        hub.change()
        assert await hub.after(minutes=1) == 1


async def test_whatever_writes_the_rows_is_seen() -> None:
    """A bulk load does not go through the rules, and its records are new all the same."""
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        (there,) = hub.change()
        hub.webhooks.notifier.told()
        columns = [row[1] for row in hub.database.execute(f"PRAGMA table_info({hub.company.table('items')})")]
        listed = ", ".join(f'"{name}"' for name in columns[1:])
        chosen = ", ".join({"id": "? || id", "number": "? || number"}.get(n, f'"{n}"') for n in columns[1:])
        asked = f"INSERT INTO {hub.company.table('items')} ({listed}) SELECT {chosen} FROM {hub.company.table('items')}"
        asked += f" WHERE id = '{there}'"
        with hub.database.transaction():
            hub.database.executemany(asked, [(str(n), str(n)) for n in range(3)])
        await hub.after(seconds=30)
        assert {key for _, key in hub.receiver.told()} == {there, *(f"{n}{there}" for n in range(3))}


async def test_nothing_is_written_down_for_sets_without_subscribers() -> None:
    async with hub_over(MEMORY) as hub:
        asked = "SELECT count(*) FROM sqlite_temp_master WHERE type = 'trigger'"
        assert hub.database.execute(asked).fetchone() == (0,)
        made = await hub.subscribe("items")
        assert hub.database.execute(asked).fetchone() == (3,)
        call = Call(method="DELETE", path=f"subscriptions('{made['subscriptionId']}')", headers={"if-match": "*"})
        await hub.webhooks.subscriptions.answer(call, _ROOT)
        assert hub.database.execute(asked).fetchone() == (0,)
        hub.change()
        assert hub.database.execute("SELECT count(*) FROM webhookChanges").fetchone() == (0,)


async def test_a_moved_clock_is_noticed_without_a_request() -> None:
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        hub.change()
        hub.webhooks.notifier.look()
        await asyncio.sleep(0)
        hub.database.time += timedelta(seconds=30)
        await asyncio.to_thread(hub.receiver.wait, 1)


@pytest.mark.parametrize("most", [1, 3])
async def test_a_burst_while_a_receiver_ponders_is_told_afterwards(most: int) -> None:
    async with hub_over(MEMORY) as hub:
        await hub.subscribe("items")
        hub.change()
        hub.receiver.slow.clear()
        hub.database.time += timedelta(seconds=30)
        task = asyncio.create_task(hub.webhooks.notifier.deliver())
        await asyncio.to_thread(hub.receiver.wait, 1)
        later = hub.change(most)
        hub.receiver.slow.set()
        await task
        assert await hub.after(seconds=30) == 2
        assert hub.receiver.told()[1:] == [("created", key) for key in later]
