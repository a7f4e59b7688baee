"""A store in a SQLite file."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from syncline.store.address import SqliteFile
from syncline.store.database import Database
from syncline.store.filelock import exclusive, holder

_CACHE_KB = 16_000
"""Of a connection: ids are random, so each save of a large store touches pages all over it."""
_WAL_PAGES = 4_000
"""Pages (4 kB) after which the journal is written back: what many saves changed meanwhile is written once."""
_BUSY_MS = 15_000
"""How long to wait for another process's transaction. Ours last milliseconds."""


class Sqlite(Database):
    def __init__(self, address: SqliteFile, *, durable: bool = True) -> None:
        super().__init__(address, _engine(address.path, durable=durable))
        self.path = address.path

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def lock(self, owner: str) -> AbstractContextManager[None]:
        return exclusive(self._lock_file, owner)

    def keep_lock(self) -> None:
        """An open file is not lost."""

    def worker(self) -> tuple[int, str] | None:
        return holder(self._lock_file)

    @property
    def _lock_file(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    @contextmanager
    def scratch(self) -> Iterator[Sqlite]:
        with temporary() as copy:
            self.copy_to(copy.path)
            yield copy

    def copy_to(self, path: Path) -> None:
        """All of it, as of now, into another file."""
        with closing(sqlite3.connect(path)) as target, self.engine.connect() as connection:
            source: Any = connection.connection.driver_connection
            source.backup(target)

    def begin_journal(self) -> None:
        """So that readers do not wait for writers. Kept in the file; no transaction may be open."""
        with closing(self.engine.raw_connection()) as driver:
            driver.cursor().execute("PRAGMA journal_mode = WAL")

    def is_outside(self, error: BaseException) -> bool:
        if not isinstance(error, sqlite3.OperationalError):
            return False
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR


@contextmanager
def temporary() -> Iterator[Sqlite]:
    """An empty file that need not outlive this process, so nothing waits for the disk."""
    with tempfile.TemporaryDirectory(prefix="syncline-") as folder:
        database = Sqlite(SqliteFile(Path(folder) / "scratch.db"), durable=False)
        database.tell_losses()
        try:
            yield database
        finally:
            database.close()


def _engine(path: Path, *, durable: bool) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin on its own, and only before some statements
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        # FULL: an intent must have reached the disk before its write is sent. With NORMAL, a power cut takes back the
        # last commits of a WAL, and a create that was sent would be sent again.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its turn at the start: one that has read first could be told that its snapshot is too old.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
