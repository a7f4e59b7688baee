"""Webhooks as the application holds them: the entity set, and the notifier's life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.routing import Route

from syncline.sandbox import notifications
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.webhooks.changes import Changes
from syncline.sandbox.businesscentral.webhooks.notifier import WINDOW_SECONDS, Notifier
from syncline.sandbox.businesscentral.webhooks.receivers import Receivers
from syncline.sandbox.businesscentral.webhooks.subscriptions import Subscriptions
from syncline.sandbox.calling import Caller
from syncline.sandbox.notifications import Notify, Settings

NOTIFY = Notify(after=WINDOW_SECONDS)


class Webhooks:
    """Everything about webhooks over one database."""

    def __init__(self, database: Database, notify: Notify, most: Callable[[], int]) -> None:
        """``most`` is how many subscriptions there may be."""
        receivers = Receivers(Caller(any_host=notify.any_host))
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
        return notifications.routes(self.notifier)
