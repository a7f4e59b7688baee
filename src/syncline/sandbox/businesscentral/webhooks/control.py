"""Webhooks as the application holds them: the entity set, the notifier's life, and ``/sandbox/notifications``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.webhooks.changes import Changes
from syncline.sandbox.businesscentral.webhooks.notifier import WINDOW_SECONDS, Notifier, Settings
from syncline.sandbox.businesscentral.webhooks.receivers import Receivers
from syncline.sandbox.businesscentral.webhooks.subscriptions import Subscriptions
from syncline.sandbox.control import control, told


class Notify(Struct, frozen=True, kw_only=True):
    """How subscribers are told: seconds between the first change and its notification, and who may be called."""

    after: float = WINDOW_SECONDS
    any_host: bool = False


class Webhooks:
    """Everything about webhooks over one database."""

    def __init__(self, database: Database, notify: Notify, most: Callable[[], int]) -> None:
        """``most`` is how many subscriptions there may be."""
        receivers = Receivers(any_host=notify.any_host)
        changes = Changes(database)
        self.subscriptions = Subscriptions(database, changes, receivers, most)
        self.notifier = Notifier(
            database,
            self.subscriptions,
            changes,
            receivers,
            now=lambda: datetime.fromisoformat(database.now()),
            settings=Settings(window_seconds=notify.after),
        )

    def reload(self) -> None:
        """The data was replaced by other data: go on with the subscriptions and changes that it holds."""
        self.subscriptions.open()
        self.notifier.look()

    def routes(self) -> list[Route]:
        return [
            control("/sandbox/notifications", dict[str, Any], self._take, self.notifier.told),
            Route("/sandbox/notifications/flush", self._flush, methods=["POST"]),
        ]

    def _take(self, said: dict[str, Any]) -> None:
        """What is not said stays as it is."""
        there = msgspec.to_builtins(self.notifier.settings)
        self.notifier.set(msgspec.convert(there | said, Settings))

    async def _flush(self, _: Request) -> Response:
        return told({"deliveries": await self.notifier.deliver(waiting_too=True)})
