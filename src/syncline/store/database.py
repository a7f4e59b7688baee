"""The database under the store: opened, checked to be ours, brought to the newest schema, copied."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from syncline.store.tables import REVISION

VERSION_TABLE = "syncline_version"
"""Named for us, so that another program's database is told from ours."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MS = 15_000
"""How long to wait for another process's transaction. Ours last milliseconds."""


class StoreError(Exception):
    """The database cannot be used: which, why, and what would mend it."""


def location(url: str) -> Path:
    """The file that a ``sqlite:///path`` means. Raises `StoreError`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"{url} is no database address. Write sqlite:///path/to/file.db.") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StoreError(f"{parsed.render_as_string()} is not a SQLite file. Write sqlite:///path/to/file.db.")
    return Path(parsed.database)


def connect(path: Path) -> Engine:
    """An engine on a database of the newest schema, made if it is not there. Raises `StoreError`."""
    engine = _engine(path, durable=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            is_current = _version(connection, path) == REVISION
        if not is_current:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                _migrate(connection, path)
        with closing(engine.raw_connection()) as driver:  # no transaction may be open; only once it is known to be ours
            driver.cursor().execute("PRAGMA journal_mode = WAL")
    except (DBAPIError, sqlite3.Error, OSError) as error:
        engine.dispose()
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StoreError(f"{path} cannot be used as a store: {reason}.") from error
    except StoreError:
        engine.dispose()
        raise
    return engine


def copy(engine: Engine, path: Path) -> Engine:
    """A copy as of now, made while others write. It need not outlive this process, so nothing waits for the disk."""
    target = sqlite3.connect(path)
    with engine.connect() as connection:
        source: Any = connection.connection.driver_connection
        source.backup(target)
    target.close()
    return _engine(path, durable=False)


def _engine(path: Path, *, durable: bool) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin on its own, and only before some statements
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL: an intent must have reached the disk before its write is sent. With NORMAL, a power cut takes back the
        # last commits of a WAL, and a create that was sent would be sent again.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its turn at the start: one that has read first could be told that its snapshot is too old.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _version(connection: Connection, path: Path) -> str | None:
    """The schema's revision; ``None`` of an empty database."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        if tables:
            raise StoreError(f"{path} is another program's database. Name another file.")
        return None
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return None if version is None else str(version)


def _migrate(connection: Connection, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    version = _version(connection, path)  # again: another process may have migrated it since
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreError(f"{path} was written by a newer Syncline (schema {version}). Install that one.")
    command.upgrade(config, "head")
