"""A value as a person types it, and why a side would not take it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from syncline.mapping.lenses import Day, Moment, Text
from syncline.mapping.model import LensError, Property
from syncline.mapping.types import Kind
from syncline.records import Value

_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def parse(kind: Kind, text: str) -> Value:
    """The shared value of a kind, other than a reference. Nothing typed is an empty value. Raises `LensError`."""
    said = text.strip()
    if not said:
        return None
    match kind:
        case Kind.DECIMAL | Kind.INTEGER:
            return _number(kind, said)
        case Kind.BOOLEAN:
            if said.casefold() not in _FLAGS:
                raise LensError(f"{said} is not yes or no")
            return _FLAGS[said.casefold()]
        case Kind.DATE:
            return Day().read(said)
        case Kind.DATETIME:
            return Moment().read(said)
        case _:
            return Text().read(text)


def _number(kind: Kind, said: str) -> Value:
    try:
        number = Decimal(said)
    except InvalidOperation:
        raise LensError(f"{said} is not a number") from None
    if not number.is_finite():
        raise LensError(f"{said} is not a number")
    if kind is Kind.DECIMAL:
        return number
    if number != number.to_integral_value():
        raise LensError(f"{said} is not a whole number")
    return int(number)


def objection(p: Property, side: str, value: Value) -> str | None:
    """Why a side cannot be sent the value, as far as that can be told without asking it; ``None`` where it can."""
    column = p.columns[side]
    if p.reference is not None:
        return None
    try:
        raws = column.lens.put(value)
    except LensError as error:
        return str(error)
    longest = column.type.max_length
    if longest is not None and any(isinstance(raw, str) and len(raw) > longest for raw in raws):
        return f"{value} is longer than {column.type.label}"
    return None
