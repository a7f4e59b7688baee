"""What every page works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from syncline.console.attempts import Attempts
from syncline.console.onetime import OneTimeLink
from syncline.mapping.model import Flow
from syncline.project import Project
from syncline.store import Store


def _now() -> datetime:
    return datetime.now(UTC)


class Desk(Struct, frozen=True, kw_only=True, eq=False):
    """``hosts`` are the names by which the console may be asked for, ``None`` for any; ``link`` is the one-time link
    while there is no user; ``closing`` is set when the server is to end; ``now`` is the clock, in UTC.
    """

    project: Project
    store: Store
    hosts: frozenset[str] | None
    link: OneTimeLink | None
    attempts: Attempts
    closing: asyncio.Event
    now: Callable[[], datetime] = _now

    @property
    def flows(self) -> Mapping[str, Flow]:
        return self.project.flows
