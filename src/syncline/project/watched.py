"""What the configuration says of watching ``syncline run``: where it tells how it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from msgspec import Struct

from syncline.project.configfile import HealthSaid
from syncline.project.spelling import host_and_port, span
from syncline.yamlfile import KeyPath

Wrong: TypeAlias = Callable[[KeyPath, str, str], None]
"""To be told where a mistake is, what is wrong, and what would mend it."""

_SPAN_MEND = "Write a whole number and a unit: 90s, 15m, 2h or 1d."


class Health(Struct, frozen=True, kw_only=True):
    """Where it is told how ``syncline run`` does; it fails when no pass went well for ``failing_after``."""

    host: str
    port: int
    failing_after: timedelta


def read_health(said: HealthSaid, wrong: Wrong) -> Health | None:
    """``None`` where something is wrong in it."""
    listen, failing_after = host_and_port(said.listen), span(said.failing_after)
    if listen is None:
        wrong(("health", "listen"), "is not a place to listen.", "Write it as 127.0.0.1:8472.")
    if not failing_after:
        wrong(("health", "failingAfter"), "is not a span of time.", _SPAN_MEND)
    if listen is None or not failing_after:
        return None
    return Health(host=listen[0], port=listen[1], failing_after=failing_after)
