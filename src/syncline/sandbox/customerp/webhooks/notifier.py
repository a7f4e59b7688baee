"""Telling the subscribers: when something is due, what is sent to whom, and what follows from the answer.

Each subscriber is told one message at a time, in the order of the feed; a slow one holds up nobody else.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import structs

from syncline.meanwhile import meanwhile
from syncline.sandbox.calling import Caller
from syncline.sandbox.customerp.database import Database, spelt
from syncline.sandbox.customerp.webhooks import messages
from syncline.sandbox.customerp.webhooks.store import Change, Delivery, Message, Store, Webhook
from syncline.sandbox.notifications import Settings, disordered

MOST = 500
"""Changes in one message."""

TOO_MANY = 10_000
"""Where more changes than this wait for a subscriber, it is only told which entities to look at."""

ANSWER_SECONDS = 15.0
_REMEMBERED = 100


class Made(Delivery, frozen=True, rename="camel"):
    """A delivery to whom, and of how many entries."""

    webhook_id: str = ""
    url: str = ""
    entries: int = 0


class Notifier:
    """Everything happens in the event loop that `running` was entered in."""

    def __init__(self, database: Database, store: Store, caller: Caller, settings: Settings) -> None:
        self._database = database
        self._store = store
        self._caller = caller
        self._clock = database.clock
        self.settings = settings
        self._deliveries: deque[Made] = deque(maxlen=_REMEMBERED)
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._something = asyncio.Event()

    def set(self, settings: Settings) -> None:
        self.settings = settings
        self.look()

    def look(self) -> None:
        """Something may have changed: see whether it is to be told."""
        something, self._something = self._something, asyncio.Event()
        something.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell what is due, as it becomes due, until the end. What was not told by then waits in the data."""
        try:
            async with meanwhile(self._run()):
                yield
        finally:
            await self._caller.close()

    async def deliver(self, *, waiting_too: bool) -> list[Made]:
        """Tell what is due; with ``waiting_too`` everything that waits, as if its time had come."""
        told = await asyncio.gather(*(self._tell(each.id, early=waiting_too) for each in self._store.all()))
        return [made for each in told for made in each]

    def told(self) -> dict[str, Any]:
        """The settings, what waits, and the latest deliveries."""
        waiting = []
        for webhook in self._store.all():
            if changes := len(self._store.waiting(webhook, TOO_MANY + 1)):
                due = self._due(webhook)
                waiting.append(
                    {
                        "webhookId": webhook.id,
                        "url": webhook.url,
                        "changes": min(changes, TOO_MANY),
                        "more": changes > TOO_MANY,
                        "attempts": webhook.message.attempts if webhook.message else 0,
                        "dueAt": spelt(due) if due else None,
                    }
                )
        return {**msgspec.to_builtins(self.settings), "waiting": waiting, "deliveries": list(self._deliveries)}

    async def _run(self) -> None:
        following: set[str] = set()

        async def follow(name: str) -> None:
            await self._follow(name)
            following.discard(name)

        async with asyncio.TaskGroup() as tasks:
            while True:
                something = self._something
                for name in {webhook.id for webhook in self._store.all()} - following:
                    following.add(name)
                    tasks.create_task(follow(name))
                await something.wait()

    async def _follow(self, name: str) -> None:
        """Tell one subscriber what is due, as long as it is there."""
        while webhook := self._store.get(name):
            something, due = self._something, self._due(webhook)
            if due is not None and due <= self._clock.now():
                await self._tell(name, early=False)
            else:
                await self._until(due, something)
        self._one_at_a_time.pop(name, None)

    async def _until(self, due: datetime | None, something: asyncio.Event) -> None:
        waits: set[asyncio.Task[Any]] = {asyncio.create_task(something.wait())}
        if due is not None:
            left = (due - self._clock.now()).total_seconds()
            waits.add(asyncio.create_task(self._clock.sleep(left)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _due(self, webhook: Webhook) -> datetime | None:
        """When it is to be told something; ``None`` where there is nothing."""
        if webhook.state == "disabled":
            return None
        if webhook.message:
            return datetime.fromisoformat(webhook.message.due)
        first = self._store.waiting(webhook, 1)
        return datetime.fromisoformat(first[0].at) + timedelta(seconds=self.settings.window_seconds) if first else None

    async def _tell(self, name: str, *, early: bool) -> list[Made]:
        """Message after message, until one fails or nothing is left of what there was at first."""
        made: list[Made] = []
        end = self._database.end()
        async with self._one_at_a_time[name]:
            while (webhook := self._store.get(name)) and webhook.told < end:
                due = self._due(webhook)
                if due is None or not (early or due <= self._clock.now()):
                    break
                made += await self._send(webhook)
                if made[-1].outcome not in {"delivered", "duplicated"}:
                    break
        return made

    async def _send(self, webhook: Webhook) -> list[Made]:
        message = webhook.message or self._planned(webhook)
        changes = self._changes(webhook, message)
        random = Random(f"{self.settings.seed} {message.upto}")  # noqa: S311 - the same whenever it is sent again
        changes, _ = disordered(changes, self.settings, random)
        _, again = disordered([message], self.settings, random)
        status = await self._post(webhook, message, changes)
        made = [self._settled(webhook, message, status, len(changes))]
        if again and made[0].outcome == "delivered":
            status = await self._post(webhook, message, changes)
            made.append(structs.replace(made[0], status=status, outcome="duplicated", at=self._now()))
        self._deliveries.extend(made)
        return made

    def _planned(self, webhook: Webhook) -> Message:
        """The next message, which is remembered before it is sent: whatever happens, it keeps its id."""
        waiting = self._store.waiting(webhook, TOO_MANY + 1)
        upto = waiting[MOST - 1].seq if MOST < len(waiting) <= TOO_MANY else self._database.end()
        message = Message(id=f"msg_{uuid4().hex}", upto=upto, due=self._now())
        self._store.save(structs.replace(webhook, message=message))
        return message

    def _changes(self, webhook: Webhook, message: Message) -> list[Change]:
        """What a message tells: only one that was planned where too many waited covers more than it may hold."""
        changes = self._store.waiting(webhook, MOST + 1, message.upto)
        return changes if len(changes) <= MOST else self._store.summary(webhook, message.upto)

    async def _post(self, webhook: Webhook, message: Message, changes: list[Change]) -> int | None:
        sent = messages.body(changes)
        signed = messages.headers(message, webhook.secret, sent, self._clock.now())
        status, _ = await self._caller.post(webhook.url, sent, signed, ANSWER_SECONDS)
        return status

    def _settled(self, webhook: Webhook, message: Message, status: int | None, entries: int) -> Made:
        """Remember what became of it, unless the webhook was ended or changed while its receiver was asked."""
        delivery, change = self._judged(message, status)
        there = self._store.get(webhook.id)
        if there and there.message == message:
            self._store.save(structs.replace(there, last=delivery, **change))
        return Made(**structs.asdict(delivery), webhook_id=webhook.id, url=webhook.url, entries=entries)

    def _judged(self, message: Message, status: int | None) -> tuple[Delivery, dict[str, Any]]:
        """What an answer means, and what it changes of the webhook."""
        now, attempt = self._clock.now(), message.attempts + 1
        if status is not None and 200 <= status < 300:
            delivery = Delivery(message.id, spelt(now), status, "delivered", attempt)
            return delivery, {"told": message.upto, "message": None}
        again = None if status == 410 else messages.after_failure(message, now)
        if again:
            return Delivery(message.id, spelt(now), status, "retried", attempt, again.due), {"message": again}
        said = "there was no answer" if status is None else f"it answered {status}"
        reason = f"It took nothing for three days; at last {said}."
        if status == 410:
            reason = "It answered 410: it wants to be told no more."
        delivery = Delivery(message.id, spelt(now), status, "disabled", attempt)
        return delivery, {"message": None, "state": "disabled", "reason": reason}

    def _now(self) -> str:
        return spelt(self._clock.now())
