"""The console as a server: which address it may have, and who gets in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from msgspec import Struct

from syncline.console.app import create_app
from syncline.console.attempts import Attempts
from syncline.console.desk import Desk
from syncline.console.onetime import OneTimeLink
from syncline.console.where import note
from syncline.listening import CannotServe, Place, listening
from syncline.project import Project
from syncline.store import Store

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


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
        note(store, address)
        yield Served(address=address, link=f"{address}sign-in/{desk.link.token}" if desk.link else None)
