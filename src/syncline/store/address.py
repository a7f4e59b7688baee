"""Where a store is: a SQLite file, or a schema of a PostgreSQL database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, TypeAlias

from msgspec import Struct
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncline.store.errors import StoreError

_HOW = "Write sqlite:///path/to/file.db, or postgresql://user@host/database?schema=name."
_SECRETS = "Take it out: the environment variable PGPASSWORD gives it, or the file ~/.pgpass (PGPASSFILE)."
_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
"""Such a name means the same with quotes and without, to every tool."""
_DEFAULT_SCHEMA = "syncline"


class SqliteFile(Struct, frozen=True):
    path: Path

    unit: ClassVar[str] = "file"
    saving: ClassVar[str] = "A copy of it is kept beside it by:"
    """What to do before its schema changes."""

    def __str__(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def name(self) -> str:
        """As messages call it."""
        return str(self.path)

    @property
    def emptying(self) -> str:
        """What a person does to empty it."""
        return f"delete {self.path}"


class PostgresSchema(Struct, frozen=True):
    """``url`` leads to the database; it says neither the schema nor any secret."""

    url: URL
    schema: str

    unit: ClassVar[str] = "schema"
    saving: ClassVar[str] = "Back up the database, then say:"

    def __str__(self) -> str:
        return self.url.update_query_dict({"schema": self.schema}).render_as_string()

    @property
    def name(self) -> str:
        """As messages call it."""
        return str(self)

    @property
    def emptying(self) -> str:
        return f"say in that database: DROP SCHEMA {self.schema} CASCADE"


Address: TypeAlias = SqliteFile | PostgresSchema


def parse(said: str, folder: Path = Path(), schema: str = _DEFAULT_SCHEMA) -> Address:
    """What an address means; a file is looked for below ``folder``, and ``schema`` is meant where none is named.

    Raises `StoreError`, without any password.
    """
    try:
        url = make_url(said)
    except (ArgumentError, ValueError):
        raise StoreError(f"that is no database address. {_HOW}") from None
    if url.password is not None or "password" in url.query:
        raise StoreError(f"the address has a password in it. {_SECRETS}")
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return SqliteFile(folder / url.database)
    if url.drivername == "postgresql" and url.database:
        return _postgres(url, schema)
    raise StoreError(f"{url.render_as_string()} is neither a SQLite file nor a PostgreSQL database. {_HOW}")


def _postgres(url: URL, unnamed: str) -> PostgresSchema:
    """All else behind the question mark is the driver's: ``sslmode=verify-full``, ``host=/run/postgresql``."""
    schema = url.query.get("schema", unnamed)
    if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema) or schema == "information_schema":
        raise StoreError(
            f"{schema if isinstance(schema, str) else ' and '.join(schema)} is no name of a schema here. "
            "Use small letters, digits and _, with a letter first, and not pg_."
        )
    if "options" in url.query:
        raise StoreError("the address sets options, which are Syncline's own to set. Take them out.")
    return PostgresSchema(url.difference_update_query(["schema"]), schema)
