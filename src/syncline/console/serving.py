"""The console as a server: which address it may have, and where it is found."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct

from syncline.console.app import create_app
from syncline.console.attempts import Attempts
from syncline.console.desk import Desk
from syncline.console.onetime import OneTimeLink
from syncline.listening import LOOPBACK, CannotServe, Place, listening
from syncline.project import Project
from syncline.store import Memory, Store

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ADDRESS = "address of the console"
"""The fact that tells others where it is served; one that has died may have left it behind."""
_PATIENCE = 2
"""Seconds that it is given to answer."""


class Served(Struct, frozen=True, kw_only=True):
    """The ``address`` it answers at; ``link`` signs in once, while there is no user."""

    address: str
    link: str | None


@asynccontextmanager
async def served(project: Project, store: Store, place: Place, person: str) -> AsyncIterator[Served]:
    """The console, until the end; ``person`` is who started it. Raises `CannotServe`."""
    has_users = bool(store.users())
    if not place.is_local and not has_users:
        raise CannotServe(
            f"The console is served to other machines ({place.host}) only once it has users: "
            "syncline console user add NAME --role ROLE adds one."
        )
    closing = asyncio.Event()
    desk = Desk(
        project=project,
        store=store,
        hosts=_LOCAL_NAMES | {place.host} if place.is_local else None,
        link=None if has_users else OneTimeLink(person, datetime.now(UTC)),
        attempts=Attempts(),
        closing=closing,
    )
    async with listening(create_app(desk), place, closing) as address:
        store.save(Memory(facts={_ADDRESS: address}))
        yield Served(address=address, link=f"{address}sign-in/{desk.link.token}" if desk.link else None)


def where_served(store: Store) -> str | None:
    """The address of a console of this store that answers; ``None`` where none does."""
    address = store.fact(_ADDRESS)
    if not address:
        return None
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or LOOPBACK, parts.port or 0), timeout=_PATIENCE):
            return address
    except OSError:
        return None
