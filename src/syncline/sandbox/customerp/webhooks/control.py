"""Webhooks as the application holds them: the addresses of the API, and the notifier."""

from __future__ import annotations

from syncline.sandbox.calling import Caller
from syncline.sandbox.customerp.database import Database
from syncline.sandbox.customerp.webhooks.notifier import Notifier
from syncline.sandbox.customerp.webhooks.registering import Registering
from syncline.sandbox.customerp.webhooks.store import Store
from syncline.sandbox.notifications import Notify, Settings

NOTIFY = Notify(after=0.05)


class Webhooks:
    """Everything about webhooks over one database."""

    def __init__(self, database: Database, notify: Notify) -> None:
        store, caller = Store(database), Caller(any_host=notify.any_host)
        self.registered = Registering(database, store, caller)
        self.notifier = Notifier(database, store, caller, Settings(window_seconds=notify.after))
