"""What can be wrong with a store, in words for people."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used: which, why, and what would mend it."""


class StoreLost(StoreError):
    """The database, or the lock on it, went away in the middle of work: a server that restarts, a disk that is full.

    What was saved stays, and nothing half is ever kept. A later try may find it back.
    """


class StoreLocked(Exception):
    """Another process works on the store. ``pid`` is ``None`` in the moment before it has written its name."""

    def __init__(self, pid: int | None, owner: str) -> None:
        who = f"{owner or 'another syncline'}" + (f" (process {pid})" if pid else "")
        super().__init__(f"{who} is at work on this store. Wait until it ends, or stop it.")
        self.pid = pid
        self.owner = owner
