"""How small things are written in the configuration: a place to listen, a span of time, the name of a variable."""

from __future__ import annotations

import re
from datetime import timedelta

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST_PORTS = 65_535


def is_variable(said: str) -> bool:
    """Whether it can be an environment variable's name."""
    return _VARIABLE.fullmatch(said) is not None


def host_and_port(said: str) -> tuple[str, int] | None:
    """``host:port``, of an IPv6 address ``[::1]:port``; ``None`` for what is none."""
    found = _PLACE.fullmatch(said)
    if found is None or int(found[2]) > _MOST_PORTS:
        return None
    return found[1].strip("[]"), int(found[2])


def span(said: str) -> timedelta | None:
    """``90s``, ``15m``, ``2h`` or ``1d``; ``None`` for what is none."""
    found = _SPAN.fullmatch(said)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
