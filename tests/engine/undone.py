"""A person takes back what Syncline did: the next pass does it."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.pair import Pair
from syncline.engine.people.undoing import Undo, of_change, since, undo
from syncline.project import load
from syncline.store import Entry


def back(both: Pair, entry: Entry, *, over_later: bool = False) -> Undo:
    """One change, with all that was done in one with it."""
    project = load(both.folder)
    with project.open_store() as store:
        made = of_change(store, project.flows, entry.seq, over_later=over_later)
        undo(store, made, datetime.now(UTC))
    return made


def back_since(both: Pair, moment: datetime, *, over_later: bool = False) -> Undo:
    """Everything since then."""
    project = load(both.folder)
    with project.open_store() as store:
        made = since(store, project.flows, moment, over_later=over_later)
        undo(store, made, datetime.now(UTC))
    return made
