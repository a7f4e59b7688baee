"""The data: one SQLite file with the records as JSON documents, what they are found by, and the change feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from msgspec import Struct

from syncline.sandbox.clock import Clock

MEMORY: Literal[":memory:"] = ":memory:"
IDEMPOTENCY = timedelta(days=7)
"""How long a create is remembered by its key."""
_KIND = int.from_bytes(b"Cust")
_SCHEMA_VERSION = 1


class Unusable(Exception):
    """The data file is no data of this sandbox, cannot be opened, or is in use by another one."""


class Stored(Struct, frozen=True):
    """A record: ``document`` is its JSON as it is answered, ``seq`` the change that made it what it is."""

    id: str
    updated_at: str
    seq: int
    document: bytes


class Creation(Struct, frozen=True):
    """What a create was sent, by digest, and what it was answered."""

    digest: bytes
    document: bytes


class Found(Struct, frozen=True):
    """One item of the feed. ``document`` is the record as it is now, if it was asked for and there is one."""

    seq: int
    entity: str
    id: str
    change: str
    at: str
    document: bytes | None


class Database:
    """One connection to one SQLite file, used by one thread. Every write goes through `transaction`."""

    def __init__(self, data: Path | Literal[":memory:"], clock: Clock | None = None) -> None:
        """Raises `Unusable`."""
        self.clock = clock or Clock()
        try:
            self._connection = sqlite3.connect(data, timeout=1.0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise Unusable(str(error)) from None
        self._execute = self._connection.execute
        try:
            self.fresh = self._open()
            self.name: str = self._one("SELECT name FROM identity")
            self._now: str = self._one("SELECT at FROM change ORDER BY seq DESC LIMIT 1", default="")
        except sqlite3.Error as error:
            self._connection.close()
            raise Unusable(str(error)) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")

    def now(self) -> str:
        """The present moment in UTC milliseconds, never before the one given last."""
        self._now = max(self._now, spelt(self.clock.now()))
        return self._now

    def execute(self, asked: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """For what keeps a table of its own in the data, or reads of the feed."""
        return self._execute(asked, values)

    def close(self) -> None:
        self._connection.close()

    def copy_to(self, copy: sqlite3.Connection) -> None:
        """Copy all data as it is at this moment."""
        self._connection.backup(copy)

    def copy_from(self, copy: sqlite3.Connection) -> None:
        """Replace all data by a copy of it: all is as it was, versions and places in the feed too."""
        copy.backup(self._connection)
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log has grown by all of it

    # --- records

    def record(self, entity: str, name: str) -> Stored | None:
        asked = "SELECT id, updated_at, seq, document FROM record WHERE id = ? AND entity = ?"
        return next((Stored(*row) for row in self._execute(asked, (name, entity))), None)

    def exists(self, entity: str, name: str) -> bool:
        return bool(self._one("SELECT 1 FROM record WHERE id = ? AND entity = ?", (name, entity), default=0))

    def save(self, entity: str, record: Stored) -> None:
        self._execute(
            "INSERT INTO record (id, entity, updated_at, seq, document) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, seq = excluded.seq,"
            " document = excluded.document",
            (record.id, entity, record.updated_at, record.seq, record.document),
        )

    def remove(self, name: str) -> None:
        self._execute("DELETE FROM record WHERE id = ?", (name,))

    def page(
        self, entity: str, *, since: str, after: tuple[str, str], where: Sequence[tuple[str, str]], limit: int
    ) -> list[Stored]:
        """Records updated at ``since`` or later, in the order of (time, id), behind ``after``."""
        held = " AND id IN (SELECT record FROM held WHERE entity = ? AND property = ? AND value = ?)"
        asked = (
            "SELECT id, updated_at, seq, document FROM record"  # noqa: S608 - every value is a parameter
            " WHERE entity = ? AND updated_at >= ? AND (updated_at, id) > (?, ?)"
            f"{held * len(where)} ORDER BY updated_at, id LIMIT ?"
        )
        values = [value for name, wanted in where for value in (entity, name, wanted)]
        return [Stored(*row) for row in self._execute(asked, (entity, since, *after, *values, limit))]

    # --- what records hold

    def holders(self, entity: str, name: str, value: str) -> list[str]:
        asked = "SELECT record FROM held WHERE entity = ? AND property = ? AND value = ? LIMIT 2"
        return [holder for (holder,) in self._execute(asked, (entity, name, value))]

    def hold(self, entity: str, name: str, values: set[tuple[str, str]]) -> None:
        rows = [(entity, said, value, name) for said, value in values]
        self._connection.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)

    def release(self, entity: str, name: str, values: set[tuple[str, str]]) -> None:
        rows = [(entity, said, value, name) for said, value in values]
        self._connection.executemany(
            "DELETE FROM held WHERE entity = ? AND property = ? AND value = ? AND record = ?", rows
        )

    # --- numbers

    def use(self, entity: str, number: str) -> bool:
        """Note that the number was held; whether it never was before."""
        return self._execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (entity, number)).rowcount == 1

    def count(self, entity: str) -> int:
        """The next count of a series."""
        return int(
            self._one(
                "INSERT INTO series VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
                (entity,),
            )
        )

    # --- creates by key

    def creation(self, entity: str, key: str) -> Creation | None:
        """What was created with this key, unless that is too long ago."""
        asked = "SELECT digest, document FROM creation WHERE entity = ? AND key = ? AND at >= ?"
        oldest = spelt(self.clock.now() - IDEMPOTENCY)
        return next((Creation(*row) for row in self._execute(asked, (entity, key, oldest))), None)

    def remember(self, entity: str, key: str, creation: Creation, at: str) -> None:
        row = (entity, key, creation.digest, at, creation.document)
        self._execute("INSERT OR REPLACE INTO creation VALUES (?, ?, ?, ?, ?)", row)

    # --- the feed

    def change(self, entity: str, name: str, change: str, at: str) -> int:
        """Note a change; its place in the feed."""
        asked = "INSERT INTO change (entity, record, change, at) VALUES (?, ?, ?, ?)"
        return self._execute(asked, (entity, name, change, at)).lastrowid or 0

    def changes(self, *, after: int, entity: str | None, latest: bool, limit: int) -> list[Found]:
        """Changes behind ``after``; with ``latest`` only the last one of each record, and the record with it."""
        asked = (
            "SELECT c.seq, c.entity, c.record, c.change, c.at, r.document"  # noqa: S608 - every value is a parameter
            " FROM change c LEFT JOIN record r ON r.id = c.record WHERE c.seq > ?"
            + (" AND c.entity = ?" if entity else "")
            + (" AND (c.change = 'deleted' OR r.seq = c.seq)" if latest else "")
            + " ORDER BY c.seq LIMIT ?"
        )
        return [Found(*row) for row in self._execute(asked, (after, *([entity] if entity else []), limit))]

    def end(self) -> int:
        """The place of the last change."""
        return int(self._one("SELECT max(seq) FROM change") or 0)

    def at(self, seq: int) -> str:
        """When the change at a place of the feed was; nothing where there is none."""
        return str(self._one("SELECT at FROM change WHERE seq = ?", (seq,), default=""))

    def _open(self) -> bool:
        """Whether the file is new. Raises `sqlite3.Error` where it is none of ours, which it then leaves as it is."""
        self._execute("PRAGMA locking_mode = EXCLUSIVE")
        kind, version = int(self._one("PRAGMA application_id")), int(self._one("PRAGMA user_version"))
        fresh = version == 0 and int(self._one("SELECT count(*) FROM sqlite_master")) == 0
        if not fresh and (kind, version) != (_KIND, _SCHEMA_VERSION):
            raise sqlite3.DatabaseError(f"it is a database of another kind or version ({kind:x}, {version})")
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = NORMAL")
        self._execute("PRAGMA cache_size = -65536")
        if fresh:
            made = resources.files(__package__).joinpath("schema.sql").read_text()
            marks = f"PRAGMA application_id = {_KIND}; PRAGMA user_version = {_SCHEMA_VERSION};"
            self._connection.executescript(f"BEGIN; {made} {marks}")
            self._execute("INSERT INTO identity VALUES (?)", (uuid4().hex[:12],))
            self._execute("COMMIT")
        with self.transaction():
            self._execute("DELETE FROM creation WHERE at < ?", (spelt(self.clock.now() - IDEMPOTENCY),))
        return fresh

    def _one(self, asked: str, values: Sequence[Any] = (), default: Any = None) -> Any:
        row = self._execute(asked, values).fetchone()
        return default if row is None else row[0]


def etag(seq: int) -> str:
    """The version of a record that this change made."""
    return f'"{seq:x}"'


def spelt(moment: datetime) -> str:
    """A moment as the API spells it: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
