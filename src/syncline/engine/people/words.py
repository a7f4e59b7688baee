"""How values, times and numbers are put for people, wherever they read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

EMPTY = "(empty)"


def shown(value: object) -> str:
    """A value as people read it, on one line. What a record holds must not move the cursor."""
    match value:
        case None:
            return EMPTY
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return when(value)
        case _:
            return "".join(c if c.isprintable() else " " for c in str(value))


def when(moment: datetime) -> str:
    """In the time zone of this machine."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 record``, ``2 records``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
