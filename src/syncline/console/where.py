"""Where the console of a store is served, as whoever serves it has noted there."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from syncline.store import Memory, Store

_ADDRESS = "address of the console"
"""The fact; one that has died may have left it behind."""
_PATIENCE = 2
"""Seconds that it is given to answer."""


def note(store: Store, address: str) -> None:
    store.save(Memory(facts={_ADDRESS: address}))


def where_served(store: Store) -> str | None:
    """The address of a console of this store that answers; ``None`` where none does."""
    address = store.fact(_ADDRESS)
    if not address:
        return None
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or 0), timeout=_PATIENCE):
            return address
    except OSError:
        return None
