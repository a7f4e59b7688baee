"""Who is told of changes, kept with the data, and what of the change feed they were not told yet.

Nothing is queued: the feed holds every change anyway, so a subscriber is a place in it.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from syncline.sandbox.customerp.database import Database

_TABLE = """
CREATE TABLE IF NOT EXISTS webhook (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL UNIQUE, document BLOB NOT NULL
)
"""

State = Literal["active", "disabled"]
Outcome = Literal["delivered", "retried", "disabled", "duplicated"]


class Change(Struct, frozen=True):
    """As it is told. ``change`` is the feed's word, or ``many`` where ``id`` is ``None``: look at all of them."""

    entity: str
    id: str | None
    change: str
    at: str
    seq: int


class Message(Struct, frozen=True):
    """What a subscriber is being told: all that it was not told yet, up to the change ``upto``.

    ``attempts`` were made since the moment ``begun``, which is empty before the first; ``due`` is when the next is.
    """

    id: str
    upto: int
    due: str
    begun: str = ""
    attempts: int = 0


class Delivery(Struct, frozen=True, rename="camel"):
    """One attempt. No ``status``: there was no answer. ``next_attempt_at`` only where it is tried again."""

    message_id: str
    at: str
    status: int | None
    outcome: Outcome
    attempt: int
    next_attempt_at: str | None = None


class Webhook(Struct, frozen=True):
    """``told`` is the place in the feed up to which it was told; ``message`` what it is being told."""

    id: str
    url: str
    entities: tuple[str, ...]
    secret: str
    created_at: str
    told: int
    state: State = "active"
    reason: str | None = None
    message: Message | None = None
    last: Delivery | None = None

    def __repr__(self) -> str:
        return f"Webhook({self.id})"  # without its secret, wherever it may be written


class Store:
    def __init__(self, database: Database) -> None:
        """Data that was made before there were webhooks has none."""
        self._database = database
        database.execute(_TABLE)

    def all(self) -> list[Webhook]:
        """In the order in which they were made."""
        rows = self._database.execute("SELECT document FROM webhook ORDER BY number")
        return [_decode(document) for (document,) in rows]

    def get(self, name: str) -> Webhook | None:
        rows = self._database.execute("SELECT document FROM webhook WHERE id = ?", (name,))
        return next((_decode(document) for (document,) in rows), None)

    def at(self, url: str) -> str | None:
        """The id of the one that is told there."""
        rows = self._database.execute("SELECT id FROM webhook WHERE url = ?", (url,))
        return next((name for (name,) in rows), None)

    def count(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM webhook").fetchone()[0])

    def save(self, webhook: Webhook) -> None:
        self._database.execute(
            "INSERT INTO webhook (id, url, document) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET url = excluded.url, document = excluded.document",
            (webhook.id, webhook.url, msgspec.json.encode(webhook)),
        )

    def remove(self, name: str) -> None:
        self._database.execute("DELETE FROM webhook WHERE id = ?", (name,))

    def waiting(self, webhook: Webhook, limit: int, upto: int | None = None) -> list[Change]:
        """What it was not told yet, the oldest first; none behind ``upto``."""
        one = "SELECT seq, entity, record, change, at FROM change WHERE entity = ? AND seq > ? AND seq <= ?"
        each = " UNION ALL ".join([one] * len(webhook.entities))  # each from an index, merged as they are read
        last = self._database.end() if upto is None else upto
        values = [value for entity in webhook.entities for value in (entity, webhook.told, last)]
        rows = self._database.execute(f"{each} ORDER BY seq LIMIT ?", (*values, limit))
        return [Change(entity, name, change, at, seq) for seq, entity, name, change, at in rows]

    def summary(self, webhook: Webhook, upto: int) -> list[Change]:
        """The same as one entry an entity, each with the place and moment of its last change."""
        asked = "SELECT max(seq), at FROM change WHERE entity = ? AND seq > ? AND seq <= ?"
        found = []
        for entity in webhook.entities:
            seq, at = self._database.execute(asked, (entity, webhook.told, upto)).fetchone()
            if seq is not None:
                found.append(Change(entity, None, "many", at, seq))
        return sorted(found, key=lambda change: change.seq)


def _decode(document: bytes) -> Webhook:
    return msgspec.json.decode(document, type=Webhook)
