"""A store in a schema of a PostgreSQL database."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from threading import RLock

import psycopg
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from syncline.store import sqlite
from syncline.store.address import PostgresSchema
from syncline.store.copying import copy_tables
from syncline.store.database import Database
from syncline.store.errors import StoreError, StoreLocked, StoreLost
from syncline.store.sessions import Looking, Sessions, alone, at, told_by
from syncline.store.tables import metadata


class Postgres(Database):
    """Whoever holds the lock writes on the connection that holds it: when that is lost, so is the right to write."""

    def __init__(self, address: PostgresSchema, shared: Sessions | None = None) -> None:
        """On sessions of its own, where none are ``shared``: those are for one thread, in which a loop runs."""
        self._sessions = shared or Sessions(address.url)
        self._are_shared = shared is not None
        super().__init__(address, self._sessions.engine)
        self.schema = address.schema
        self._writing = _key("write", address.schema)
        self._working = _key("work", address.schema)
        self._owner: str | None = None
        self._holder: Connection | None = None
        self._looking: Looking | None = None
        self._turn = RLock()

    def look(self) -> AbstractContextManager[Connection]:
        """On shared sessions, the reads of a moment are one look: to begin and to end one takes longer than most reads.
        What is written here, and the lock, ends it; what others write meanwhile is seen a moment later.
        """
        if not self._are_shared:
            return self.look_apart()
        if self._looking is None or self._looking.over:
            self._looking = Looking(self.look_apart())
        return self._looking.joined()

    def look_apart(self) -> Connection:
        return at(super().look_apart(), self.schema)

    def _look_anew(self) -> None:
        if self._looking is not None:
            self._looking.end()

    def tell_losses(self) -> None:
        self.engine = told_by(self, self.engine)

    def close(self) -> None:
        self._look_anew()
        if not self._are_shared:
            super().close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._look_anew()
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
            self._sessions.writes[self.schema] += 1
            writes = self._sessions.writes[self.schema]
            if writes & (writes - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
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
        return self.look_apart().execution_options(isolation_level="READ COMMITTED")

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
        self._look_anew()
        connection = self._connect()
        try:
            name = f"{os.getpid()} {socket.gethostname()[:30]} {owner}"
            is_ours = alone(connection, _LOCK, {"key": self._working, "name": name}) is not None
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
            with connection:
                if connection.invalidated:
                    return
                try:
                    alone(connection, _UNLOCK, {"key": self._working})
                except (StoreError, SQLAlchemyError):
                    connection.invalidate()  # which ends the session: whoever gets it next would hold the lock

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
_LOCK = text("SELECT CASE WHEN pg_try_advisory_lock(:key) THEN set_config('application_name', :name, false) END")
_UNLOCK = text("SELECT pg_advisory_unlock(:key), set_config('application_name', 'syncline', false)")
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = :high AND l.objid = :low "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
