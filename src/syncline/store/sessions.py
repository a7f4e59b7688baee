"""Sessions of a PostgreSQL database, which all stores there may share: each one is at one schema at a time."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, TextClause, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from syncline.store.database import Database

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
_KEPT = 5
"""Sessions that are kept; half as many again in a rush. A pass needs two or three, each look of the console one."""
_KEPT_FOR_TURNS = 20
"""Two for each of ten. To make one for each look would cost more than the look."""
_LIVES = 600
"""Seconds after which a session is made anew: the server's part of it remembers every schema that it ever was at."""
_MOST = 10
"""Databases whose sessions are kept."""
_TRUSTED = 0.1
"""Seconds since it was used for which a session is taken to be there: no server is started anew so quickly, and to ask
costs as much as to read.
"""
_LOOKS = 0.25
"""Seconds that one look may last: a system's answer to a short question, which mostly comes in between, takes less."""
_LOOKING = "REPEATABLE READ"
_STORE, _SCHEMA, _RESTS = "syncline store", "schema", "rests since"
_PLACE = text("SELECT set_config('search_path', :schema, false)")


class Sessions:
    """Of one database. What SQL is made of each query is remembered here, too, which takes longer than most queries.

    ``writes`` counts the transactions of each schema. With ``turns`` they are for the turns of one loop, and as many as
    these need: who waited here for one would keep those waiting who are to give it back.
    """

    def __init__(self, url: URL, *, turns: bool = False) -> None:
        self.engine: Engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level=_LOOKING,
            pool_size=_KEPT_FOR_TURNS if turns else _KEPT,
            max_overflow=-1 if turns else _KEPT // 2,
            pool_recycle=_LIVES,
            pool_use_lifo=True,
            connect_args={
                "options": " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items()),
                "application_name": "syncline",
                # Whoever is at another schema for each turn would have each statement understood anew.
                **({"prepare_threshold": None} if turns else {}),
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
            },
        )
        self.writes: Counter[str] = Counter()
        event.listen(self.engine, "handle_error", _tell_loss)
        event.listen(self.engine, "checkin", _note_rest)
        event.listen(self.engine, "checkout", self._see_to)

    def _see_to(self, session: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        """One that has rested may be gone, and with it all."""
        if time.monotonic() - record.info.get(_RESTS, math.inf) > _TRUSTED:
            try:
                self.engine.dialect.do_ping(session)
            except psycopg.Error as error:
                raise InvalidatePoolError from error


class Pools:
    """The sessions of each database, between the uses of stores: of the databases that were used last."""

    def __init__(self) -> None:
        self._sessions: dict[URL, Sessions] = {}

    def of(self, url: URL) -> Sessions:
        found = self._sessions.pop(url, None) or Sessions(url, turns=True)
        self._sessions[url] = found
        if len(self._sessions) > _MOST:
            self._close(next(iter(self._sessions)))
        return found

    def close(self) -> None:
        for url in list(self._sessions):
            self._close(url)

    def _close(self, url: URL) -> None:
        """What is in use is closed when it is given back."""
        self._sessions.pop(url).engine.dispose()


class Looking:
    """One look, for all reads of a moment. It is ``over`` once nobody more may join, and closed when the last one
    leaves. To be made in a loop.
    """

    def __init__(self, connection: Connection) -> None:
        self.over = False
        self._connection = connection
        self._users = 0
        self._end = asyncio.get_running_loop().call_later(_LOOKS, self.end)

    @contextmanager
    def joined(self) -> Iterator[Connection]:
        self._users += 1
        try:
            yield self._connection
        except BaseException:
            self.over = True  # the server shows no more of it
            raise
        finally:
            self._users -= 1
            self._close()

    def end(self) -> None:
        self.over = True
        self._end.cancel()
        self._close()

    def _close(self) -> None:
        if self.over and not self._users:
            self._connection.close()


def at(connection: Connection, schema: str) -> Connection:
    """The same, which may have been at another schema."""
    if connection.info.get(_SCHEMA) != schema:
        try:
            alone(connection, _PLACE, {"schema": schema})
        except BaseException:
            connection.close()
            raise
        connection.info[_SCHEMA] = schema
    return connection


def alone(connection: Connection, statement: TextClause, values: Mapping[str, object]) -> object:
    """What it gives, outside of any transaction: to begin and to end one takes the server a round trip each. Where it
    raises, the connection is to be closed.
    """
    level = connection.get_execution_options().get("isolation_level", _LOOKING)
    connection.execution_options(isolation_level="AUTOCOMMIT")
    with connection.begin():
        found = connection.scalar(statement, values)
    connection.execution_options(isolation_level=level)
    return found


def told_by(store: Database, engine: Engine) -> Engine:
    """The same, of which what goes wrong is told by this store."""
    return engine.execution_options(**{_STORE: store})


def _note_rest(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_RESTS] = time.monotonic()


def _tell_loss(context: ExceptionContext) -> None:
    store: Database | None = context.engine.get_execution_options().get(_STORE) if context.engine else None
    if store is not None:
        store.tell_loss(context)
