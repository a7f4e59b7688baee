"""How values, times and numbers are put for people, wherever they read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

EMPTY = "(empty)"
_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


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


def lasts(time: timedelta) -> str:
    """``0.4 s``, ``12 s``, ``3 min``, ``2 h``, ``4 d``."""
    seconds = max(time.total_seconds(), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 record``, ``2 records``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def moment(text: str, now: datetime) -> datetime:
    """A time as people write it, or how long ago it was; in this machine's time zone where none is told.

    Raises ``ValueError``.
    """
    try:
        if ago := _AGO.fullmatch(text.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text} is no time. Write 2026-05-04T12:00:00, or 10m, 2h, 1d for how long ago.") from None
