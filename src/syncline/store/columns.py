"""The types of the columns: each says how a value is kept, the same in either database.

Tables and migrations both use them. What is kept never changes without a migration.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Dialect, TypeDecorator
from sqlalchemy.types import TypeEngine

from syncline.records import Value
from syncline.store.ids import kept, told
from syncline.store.payloads import dump, key_text, load_plain

_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time as whole microseconds since 1970 UTC: compares right everywhere, loses nothing."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


def _as_bytes(dialect: Dialect) -> TypeEngine[Any]:
    """Text that compares and sorts as its bytes do. SQLite's always does; PostgreSQL's would follow some language."""
    return dialect.type_descriptor(sa.Text(collation="C" if dialect.name == "postgresql" else None))


class Text(TypeDecorator[str]):
    """Any text, also one with a NUL in it, which PostgreSQL cannot keep: there it is spelled otherwise.

    The spelling keeps the order, and whatever is less than a NUL's neighbour stays so. Nearly all that is kept is text,
    so elsewhere nobody looks at it on its way.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _as_bytes(dialect)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], Any] | None:
        return super().bind_processor(dialect) if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Callable[[Any], str | None] | None:
        return super().result_processor(dialect, coltype) if dialect.name == "postgresql" else None

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or ("\0" not in value and "\1" not in value):
            return value
        return value.replace("\1", "\1\2").replace("\0", "\1\1")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or "\1" not in value:
            return value
        return value.replace("\1\1", "\0").replace("\1\2", "\1")


class RecordId(TypeDecorator[str]):
    """A record's id, in an order of its own (see `ids`): what is asked for by such an order has it, too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else kept(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else told(value)


class Payload(TypeDecorator[Any]):
    """A value kept as JSON text, which spells a NUL in letters. ``None`` is NULL."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, load: Callable[[str], Any] = load_plain) -> None:
        super().__init__()
        self.load = load

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _as_bytes(dialect)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dump(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.load(value)


class Key(TypeDecorator[Value]):
    """A value to be found by: equal values are the same text."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _as_bytes(dialect)

    def process_bind_param(self, value: Value, dialect: Dialect) -> str:
        return key_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Value:
        found: Value = None if value is None else load_plain(value)
        return found
