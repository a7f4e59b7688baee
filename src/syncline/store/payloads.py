"""Payloads as JSON text that comes back exactly: a ``Decimal`` as the same ``Decimal``, a whole number as ``int``.

Text, not bytes: people look into it with any SQLite tool, and a search can look for what it contains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from syncline.records import Line, LineShadow, Record, Shadow, Value, Write
from syncline.store.memory import Added

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_AS_IT_IS = frozenset({str, bool, int, type(None)})
"""What JSON has just one word for: most of what there is, so it is not looked into."""


def dump(payload: Any) -> str:
    """JSON text of a struct or of plain data. Raises ``TypeError`` for what JSON has no word for."""
    if type(payload) in _AS_IT_IS:
        return _ENCODER.encode(payload).decode()
    plain = msgspec.to_builtins(payload, builtin_types=(Decimal, datetime), enc_hook=_plain_mapping)
    return _ENCODER.encode(_exact(plain)).decode()


def key_text(value: Value) -> str:
    """JSON text that is the same for equal values: numbers are equal as numbers, so 1.50 is spelled 1.5."""
    if isinstance(value, Decimal):
        digits = f"{value:f}"
        return (digits.rstrip("0").rstrip(".") if "." in digits else digits) if value else "0"
    return dump(value)


def loader(kind: type[T] | Any) -> Callable[[str], T]:
    return msgspec.json.Decoder(kind, float_hook=Decimal).decode


load_plain: Callable[[str], Any] = loader(Any)
load_record: Callable[[str], Record] = loader(Record)
load_write: Callable[[str], Write] = loader(Write)


def load_shadow(text: str) -> Shadow:
    stored = _load_shadow(text)
    lines = tuple(
        LineShadow(line=each.line, id=each.id, version=each.version, values=each.values, behind=each.behind)
        for each in stored.lines
    )
    return Shadow(
        version=stored.version, modified=stored.modified, values=stored.values, lines=lines, behind=stored.behind
    )


def load_added(text: str) -> tuple[Added, ...]:
    return tuple(
        Added(
            line=each.line,
            origins={
                side: Line(id=line.id, version=line.version, values=line.values) for side, line in each.origins.items()
            },
        )
        for each in _load_added(text)
    )


class _StoredLine(Struct):
    line: str
    id: str
    version: str | None
    values: dict[str, Any]
    behind: frozenset[str] = frozenset()


class _StoredShadow(Struct):
    """A `Shadow` whose values are not checked: JSON cannot tell a ``Decimal`` from text for a union that has both."""

    version: str | None
    modified: datetime | None
    values: dict[str, Any]
    lines: list[_StoredLine]
    behind: frozenset[str] = frozenset()


class _StoredOrigin(Struct):
    id: str
    version: str | None
    values: dict[str, Any]


class _StoredAdded(Struct):
    line: str
    origins: dict[str, _StoredOrigin]


_load_shadow: Callable[[str], _StoredShadow] = loader(_StoredShadow)
_load_added: Callable[[str], list[_StoredAdded]] = loader(list[_StoredAdded])


def _plain_mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON.")


def _exact(value: Any) -> Any:
    """Plain data in which every ``Decimal`` will be read as one: a whole one is spelled with an exponent, as 5E0."""
    if isinstance(value, dict):
        if _AS_IT_IS.issuperset(map(type, value.values())):
            return value
        return {key: each if type(each) in _AS_IT_IS else _exact(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [each if type(each) in _AS_IT_IS else _exact(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} cannot be kept as JSON.")
        text = str(value)
        return msgspec.Raw(text.encode() if "." in text or "E" in text else f"{text}E0".encode())
    return value
