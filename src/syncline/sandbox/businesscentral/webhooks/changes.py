"""Changes as they happen: triggers write down each change of a watched set, in the transaction that makes it.

So whatever makes a change (a request, a rule, a batch, a bulk load) is seen, what is rolled back is not, and a set that
nobody subscribed to costs nothing. A balance that a record only shows of others moves no version and is no change.
"""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral import schema
from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.webhooks.aggregation import Change, Kind, Notification

_TABLES = """
CREATE TABLE IF NOT EXISTS webhookChanges (
    number INTEGER PRIMARY KEY, subscriptionId TEXT NOT NULL, entity TEXT NOT NULL, kind INTEGER NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS "webhookChanges subscription" ON webhookChanges (subscriptionId, at);
CREATE TABLE IF NOT EXISTS webhookNotifications (
    subscriptionId TEXT NOT NULL, entity TEXT NOT NULL, kind INTEGER NOT NULL, at TEXT NOT NULL, since TEXT NOT NULL,
    attempts INTEGER NOT NULL, due TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS "webhookNotifications subscription" ON webhookNotifications (subscriptionId, due)
"""

_EVENTS = {
    Kind.CREATED: ("INSERT", "NEW"),
    Kind.UPDATED: ('UPDATE OF "_etag"', "NEW"),
    Kind.DELETED: ("DELETE", "OLD"),
}
_PREFIX = "webhook "
_ALL = 2**62
"""Past the number of any change."""


class Waiting(Struct, frozen=True):
    """What a subscriber was not told yet; ``last`` numbers the latest of the changes."""

    failed: list[Notification]
    changes: list[Change]
    last: int


class Changes:
    """The changes that wait to be told, and the notifications that failed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> None:
        """Have the tables, in data that may have been made before there were any."""
        for statement in _TABLES.split(";"):
            self._database.execute(statement)

    def watch(self, watched: set[tuple[str, str]]) -> None:
        """From now on write down what changes in these sets, each named with its company's id, and in no other.

        The triggers are temporary: the data file holds nothing that only this program understands.
        """
        there = {
            name
            for (name,) in self._database.execute("SELECT name FROM sqlite_temp_master WHERE type = 'trigger'")
            if name.startswith(_PREFIX)
        }
        wanted = {
            f"{_PREFIX}{company} {entity_set} {kind.word}": (company, entity_set, kind)
            for company, entity_set in watched
            for kind in _EVENTS
        }
        for name in there - set(wanted):
            self._database.execute(f'DROP TRIGGER IF EXISTS "{name}"')
        for name in set(wanted) - there:
            self._database.execute(self._trigger(name, *wanted[name]))

    def first(self, subscription: str) -> str:
        """The moment of the oldest change that waits, empty where none does."""
        return self._least("SELECT min(at) FROM webhookChanges WHERE subscriptionId = ?", subscription)

    def due(self, subscription: str) -> str:
        """The moment when the next failed notification is tried again, empty where none is."""
        return self._least("SELECT min(due) FROM webhookNotifications WHERE subscriptionId = ?", subscription)

    def waiting(self, subscription: str) -> Waiting:
        failed = self._database.execute(
            "SELECT entity, kind, at, since, attempts, due FROM webhookNotifications WHERE subscriptionId = ? "
            "ORDER BY at, kind",
            (subscription,),
        ).fetchall()
        rows = self._database.execute(
            "SELECT number, entity, kind, at FROM webhookChanges WHERE subscriptionId = ? ORDER BY number",
            (subscription,),
        ).fetchall()
        return Waiting(
            [
                Notification(entity, Kind(kind), at, since, attempts, due)
                for entity, kind, at, since, attempts, due in failed
            ],
            [Change(entity, Kind(kind), at) for _, entity, kind, at in rows],
            rows[-1][0] if rows else 0,
        )

    def settle(self, subscription: str, last: int, failed: list[Notification]) -> None:
        """All up to the change with this number was told, except what failed."""
        self._database.execute(
            "DELETE FROM webhookChanges WHERE subscriptionId = ? AND number <= ?", (subscription, last)
        )
        self._database.execute("DELETE FROM webhookNotifications WHERE subscriptionId = ?", (subscription,))
        self._database.executemany(
            "INSERT INTO webhookNotifications VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(subscription, n.entity, int(n.kind), n.at, n.since, n.attempts, n.due) for n in failed],
        )

    def forget(self, subscriptions: Iterable[str]) -> None:
        """Tell these subscribers nothing of what waits."""
        for subscription in subscriptions:
            self.settle(subscription, _ALL, [])

    def _least(self, asked: str, subscription: str) -> str:
        return self._database.execute(asked, (subscription,)).fetchone()[0] or ""

    def _trigger(self, name: str, company: str, entity_set: str, kind: Kind) -> str:
        event, row = _EVENTS[kind]
        table = self._database.company(company).table(entity_set)
        return f"""
            CREATE TEMP TRIGGER "{name}" AFTER {event} ON main.{table} BEGIN
                INSERT INTO webhookChanges (subscriptionId, entity, kind, at)
                SELECT subscriptionId, {row}."{schema.key_of(entity_sets()[entity_set])}", {kind:d}, sandbox_now()
                  FROM webhookSubscriptions
                 WHERE companyId = '{company}' AND entitySet = '{entity_set}' AND expirationDateTime > sandbox_now();
            END"""
