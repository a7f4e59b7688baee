"""Webhooks as the application holds them: the entity set, the notifier's life, and ``/sandbox/notifications``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncline.sandbox import body
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.errors import bad_request
from syncline.sandbox.businesscentral.webhooks.changes import Changes
from syncline.sandbox.businesscentral.webhooks.notifier import WINDOW_SECONDS, Notifier, Settings
from syncline.sandbox.businesscentral.webhooks.receivers import Receivers
from syncline.sandbox.businesscentral.webhooks.subscriptions import Subscriptions


class Notify(Struct, frozen=True, kw_only=True):
    """How subscribers are told: seconds between the first change and its notification, and who may be called."""

    after: float = WINDOW_SECONDS
    any_host: bool = False


class Webhooks:
    """Everything about webhooks over one database."""

    def __init__(self, database: Database, notify: Notify, most: Callable[[], int | None]) -> None:
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

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.notifier.running():
            yield

    def routes(self) -> list[Route]:
        return [
            Route("/sandbox/notifications", self._settings, methods=["GET", "POST"]),
            Route("/sandbox/notifications/flush", self._flush, methods=["POST"]),
        ]

    async def _settings(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                said = msgspec.json.decode(await body.read(request), type=dict[str, Any])
                there = msgspec.to_builtins(self.notifier.settings)
                self.notifier.set(msgspec.convert(there | said, Settings))
            except msgspec.MsgspecError as error:
                refused = bad_request(f"That is nothing about notifications: {error}.")
                return Response(refused.body(), refused.status, media_type="application/json")
        return _json(self.notifier.told())

    async def _flush(self, _: Request) -> Response:
        return _json({"deliveries": await self.notifier.deliver(waiting_too=True)})


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
