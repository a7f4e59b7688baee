"""A store in a schema of a PostgreSQL database."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from threading import RLock

import psycopg
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from syncline.store import sqlite
from syncline.store.address import PostgresSchema
from syncline.store.copying import copy_tables
from syncline.store.database import Database
from syncline.store.errors import StoreError, StoreLocked, StoreLost
from syncline.store.tables import metadata

_SETTINGS = {
    # As SQLite's FULL: an intent must have reached the disk before its write is sent.
    "synchronous_commit": "on",
    # A holder of the lock whose machine is gone is found dead within a minute, not after hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # A listing of a system's ids lasts as long as the system takes, and keeps what it was told in a transaction; the
    # lock's session has nothing to say between passes.
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # Compiling pays for long analyses. Ours are short, with long lists that look like much work.
    "jit": "off",
}
_POOL = 5
"""Connections that are kept; half as many again in a rush. A pass needs two or three, each look of the console one."""


class Postgres(Database):
    """Whoever holds the lock writes on the connection that holds it: when that is lost, so is the right to write."""

    def __init__(self, address: PostgresSchema) -> None:
        settings = _SETTINGS | {"search_path": address.schema}
        engine = create_engine(
            address.url.set(drivername="postgresql+psycopg"),
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
            pool_size=_POOL,
            max_overflow=_POOL // 2,
            connect_args={
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
                "application_name": "syncline",
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
            },
        )
        super().__init__(address, engine)
        self.schema = address.schema
        self._writing = _key("write", address.schema)
        self._working = _key("work", address.schema)
        self._owner: str | None = None
        self._holder: Connection | None = None
        self._turn = RLock()
        self._writes = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self._owner is None:
            with self._connect() as connection, self._begun(connection):
                yield connection
        else:
            with self._turn, self._begun(self._held()) as connection:
                yield connection

    @contextmanager
    def _begun(self, connection: Connection) -> Iterator[Connection]:
        with connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self._writing})
            yield connection
            self._writes += 1
            if self._writes & (self._writes - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                self._get_to_know(connection)

    def _get_to_know(self, connection: Connection) -> None:
        """Have tables looked at that came to be large since they were made. The server does so by itself within a
        minute or so; until then it would choose its indexes blindly, and a first pass would crawl.
        """
        if unknown := connection.scalars(_UNKNOWN).all():
            connection.exec_driver_sql(f"ANALYZE {', '.join(unknown)}")

    def _connect(self) -> Connection:
        """For writing. Each statement sees what was committed before it: the first one waits for the turn, and must not
        go on to show what was there when the waiting began.
        """
        return self.engine.connect().execution_options(isolation_level="READ COMMITTED")

    # --- the lock, which ends with the session that took it

    @contextmanager
    def lock(self, owner: str) -> Iterator[None]:
        self._take(owner)
        try:
            yield
        finally:
            self._release()

    def keep_lock(self) -> None:
        with self._turn:
            owner = self._owner
            if owner is not None and not self._answers():
                if self._holder is not None:
                    self._holder.close()
                    self._holder = None
                self._take(owner)

    def _answers(self) -> bool:
        """Whether the connection that holds the lock is there."""
        try:
            with self._held().begin():
                self._held().execute(select(1))
        except StoreLost:
            return False
        return True

    def _held(self) -> Connection:
        """The connection that holds the lock. It would connect itself anew, without the lock."""
        if self._holder is None or self._holder.invalidated:
            raise StoreLost(
                f"The connection to {self.address.name} was lost, and with it the lock. What was saved stays."
            )
        return self._holder

    def _take(self, owner: str) -> None:
        connection = self._connect()
        try:
            with connection.begin():
                is_ours = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._working})
                name = f"{os.getpid()} {socket.gethostname()[:30]} {owner}" if is_ours else "syncline"
                connection.execute(_NAME, {"name": name})
        except BaseException:
            connection.invalidate()  # ends the session, and with it a lock that was just taken
            connection.close()
            raise
        if not is_ours:
            with connection:
                raise StoreLocked(*(self._worker(connection) or (None, "")))
        self._holder, self._owner = connection, owner

    def _release(self) -> None:
        with self._turn:
            connection, self._holder, self._owner = self._holder, None, None
            if connection is None:
                return
            with connection, suppress(StoreError, SQLAlchemyError):
                if not connection.invalidated:
                    with connection.begin():
                        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._working})
                        connection.execute(_NAME, {"name": "syncline"})

    def worker(self) -> tuple[int, str] | None:
        with self.look() as connection:
            return self._worker(connection)

    def _worker(self, connection: Connection) -> tuple[int, str] | None:
        """As its session's name tells."""
        high, low = divmod(self._working % 2**64, 2**32)
        name = connection.scalar(_HOLDER, {"high": high, "low": low})
        pid, _, rest = str(name or "").partition(" ")
        host, _, owner = rest.partition(" ")
        if not pid.isdigit():
            return None
        return int(pid), owner if host == socket.gethostname()[:30] else f"{owner} on {host}"

    # ---

    @contextmanager
    def scratch(self) -> Iterator[sqlite.Sqlite]:
        with sqlite.temporary() as copy:
            with self.look() as source, copy.write() as target:
                metadata.create_all(target)
                copy_tables(source, target)
            yield copy

    def is_outside(self, error: BaseException) -> bool:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _key(what: str, schema: str) -> int:
    """A lock's name, as PostgreSQL has them: 64 bits, for the whole database."""
    return int.from_bytes(sha256(f"syncline {what} {schema}".encode()).digest()[:8], signed=True)


_UNKNOWN = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
    "AND reltuples <= 0 AND pg_relation_size(oid) > 65536"
)
_NAME = text("SELECT set_config('application_name', :name, false)")
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = :high AND l.objid = :low "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
