"""Telling the subscribers: when something is due, what is sent to whom, and what follows from the answer.

As the product's job does it: once 30 seconds have passed since the first change that waits in a company, everything
that waits there is sent, one request a ``notificationUrl``, together with what failed before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

import msgspec
from msgspec import Struct

from syncline.meanwhile import meanwhile
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.values import moment
from syncline.sandbox.businesscentral.webhooks.aggregation import (
    Notification,
    after_failure,
    aggregate,
    resource,
)
from syncline.sandbox.businesscentral.webhooks.changes import Changes
from syncline.sandbox.businesscentral.webhooks.receivers import Receivers
from syncline.sandbox.businesscentral.webhooks.subscriptions import Subscription, Subscriptions
from syncline.sandbox.notifications import Settings, disordered

WINDOW_SECONDS = 30.0
_GLANCE = 1.0
"""Seconds between two looks while something waits: the clock may have been moved."""
_REMEMBERED = 100
_PASSING = frozenset({408, 429, *range(500, 600)})

Outcome = Literal["delivered", "retried", "subscriptionLost", "duplicated"]


class Entry(Struct, frozen=True, rename="camel"):
    """One notification as it is sent."""

    subscription_id: str
    client_state: str
    expiration_date_time: str
    resource: str
    change_type: str
    last_modified_date_time: str


class Delivery(Struct, frozen=True, rename="camel"):
    """One request to a receiver. No ``status``: it did not answer."""

    at: str
    notification_url: str
    status: int | None
    outcome: Outcome
    value: list[Entry]


class _Told(Struct, frozen=True):
    """What one subscriber is told, up to the change with the number ``last``."""

    subscription: Subscription
    notifications: list[Notification]
    last: int


class Notifier:
    """``now`` is the sandbox's clock. Everything happens in the event loop that `running` was entered in."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        changes: Changes,
        receivers: Receivers,
        *,
        now: Callable[[], datetime],
        settings: Settings,
    ) -> None:
        self._database = database
        self._subscriptions = subscriptions
        self._changes = changes
        self._receivers = receivers
        self._now = now
        self.settings = settings
        self._random = Random(settings.seed)  # noqa: S311 - disorder on demand
        self._deliveries: deque[Delivery] = deque(maxlen=_REMEMBERED)
        self._something = asyncio.Event()
        self._one_round = asyncio.Lock()

    def set(self, settings: Settings) -> None:
        self.settings = settings
        self._random = Random(settings.seed)  # noqa: S311 - disorder on demand
        self.look()

    def look(self) -> None:
        """Something may have changed: see whether it is due."""
        self._something.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell what is due, as it becomes due, until the end. What was not told by then waits in the data."""
        try:
            async with meanwhile(self._run()):
                yield
        finally:
            await self._receivers.close()

    async def deliver(self, *, waiting_too: bool = False) -> list[Delivery]:
        """Tell what is due; with ``waiting_too`` everything that waits, as if its time had come."""
        async with self._one_round:
            self._subscriptions.drop_expired()
            done: list[Delivery] = []
            for company, due in self._due().items():
                now = max(self._now(), due) if waiting_too else self._now()
                if due <= now:
                    done += await self._deliver(company, now)
            return done

    def told(self) -> dict[str, Any]:
        """What is waiting, and the latest deliveries."""
        waiting = []
        due = self._due()
        for subscription in self._subscriptions.all():
            there = self._changes.waiting(subscription.subscription_id)
            if there.changes or there.failed:
                waiting.append(
                    {
                        "subscriptionId": subscription.subscription_id,
                        "notificationUrl": subscription.notification_url,
                        "changes": len(there.changes),
                        "failed": len(there.failed),
                        "attempts": max((each.attempts for each in there.failed), default=0),
                        "dueDateTime": moment(due[subscription.company_id]),
                    }
                )
        return {**msgspec.to_builtins(self.settings), "waiting": waiting, "deliveries": list(self._deliveries)}

    async def _run(self) -> None:
        while True:
            self._something.clear()
            due = min(self._due().values(), default=None)
            if due is not None and due <= self._now():
                await self.deliver()
                continue
            left = None if due is None else min((due - self._now()).total_seconds(), _GLANCE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._something.wait(), left)

    def _due(self) -> Mapping[str, datetime]:
        """When something is to be sent, for each company where something waits."""
        window = timedelta(seconds=self.settings.window_seconds)
        due: dict[str, datetime] = {}
        for subscription in self._subscriptions.all():
            first = self._changes.first(subscription.subscription_id)
            again = self._changes.due(subscription.subscription_id)
            moments = [datetime.fromisoformat(first) + window] if first else []
            moments += [datetime.fromisoformat(again)] if again else []
            if moments:
                earliest = min(moments)
                due[subscription.company_id] = min(due.get(subscription.company_id, earliest), earliest)
        return due

    async def _deliver(self, company: str, now: datetime) -> list[Delivery]:
        by_url: dict[str, list[_Told]] = {}
        for subscription in self._subscriptions.all():
            if subscription.company_id == company:
                waiting = self._changes.waiting(subscription.subscription_id)
                told = _Told(subscription, aggregate(waiting.failed, waiting.changes), waiting.last)
                by_url.setdefault(subscription.notification_url, []).append(told)
        sent = [self._send(url, told, now) for url, told in by_url.items() if any(each.notifications for each in told)]
        return [delivery for deliveries in await asyncio.gather(*sent) for delivery in deliveries]

    async def _send(self, url: str, told: Sequence[_Told], now: datetime) -> list[Delivery]:
        entries = [_entry(each.subscription, notification) for each in told for notification in each.notifications]
        entries, again = disordered(entries, self.settings, self._random)
        status = await self._receivers.send(url, _body(entries))
        outcome = _outcome(status)
        self._settle(told, outcome, now)
        done = [Delivery(moment(now), url, status, outcome, entries)]
        if again and outcome == "delivered":
            status = await self._receivers.send(url, _body(again))
            done.append(Delivery(moment(now), url, status, "duplicated", again))
        self._deliveries.extend(done)
        return done

    def _settle(self, told: Sequence[_Told], outcome: Outcome, now: datetime) -> None:
        """Remember what is still to be told, and end the subscriptions of a receiver that refused."""
        living = {each.subscription_id for each in self._subscriptions.all()}
        with self._database.transaction():
            if outcome == "subscriptionLost":
                self._subscriptions.drop([each.subscription.subscription_id for each in told])
                return
            for each in told:
                key = each.subscription.subscription_id
                failed = [] if outcome == "delivered" else [after_failure(n, now) for n in each.notifications]
                if None in failed:
                    self._subscriptions.drop([key])
                elif key in living:  # it may have been ended while the receiver was asked
                    self._changes.settle(key, each.last, [again for again in failed if again])


def _outcome(status: int | None) -> Outcome:
    if status is None or status in _PASSING:
        return "retried"
    return "delivered" if 200 <= status < 300 else "subscriptionLost"


def _entry(subscription: Subscription, notification: Notification) -> Entry:
    return Entry(
        subscription.subscription_id,
        subscription.client_state,
        subscription.expiration_date_time,
        resource(subscription.address, notification),
        notification.kind.word,
        notification.at,
    )


def _body(entries: Iterable[Entry]) -> bytes:
    return msgspec.json.encode({"value": list(entries)})
