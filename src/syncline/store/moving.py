"""A store moves to another database: all of it, compared, or nothing."""

from __future__ import annotations

from syncline.store.address import Address
from syncline.store.copying import Content, Watcher, contents, copy_tables, is_empty
from syncline.store.database import Database
from syncline.store.errors import StoreError
from syncline.store.opening import opened


def move(source: Database, address: Address, watched: Watcher) -> dict[str, Content]:
    """What each table holds, in both. The old one is left as it is; until then nobody else works on it or writes to it.

    The copy is one transaction, which ends only after both were compared: whatever stops it leaves a target without a
    row. Raises `StoreError` where there is something in the target before, and `StoreLocked`.
    """
    if address == source.address:
        raise StoreError(f"{address.name} is where the store is already.")
    owner = "syncline store move"
    target = opened(address)
    try:
        with source.lock(owner), target.lock(owner), source.write() as old, target.write() as new:
            if not is_empty(new):
                mend = f"If nobody needs that, {address.emptying}."
                raise StoreError(f"{address.name} has something in it, so nothing was copied. {mend}")
            copied = copy_tables(old, new, watched)
            found = contents(new)
            if differing := [table for table in copied if copied[table] != found[table]]:
                raise StoreError(f"{address.name} does not hold the same in {', '.join(differing)}: nothing was moved.")
            return found
    finally:
        target.close()
