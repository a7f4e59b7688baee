"""Entries of the journal as pages show them: who did what to which record, in words, and what can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from syncline.console.views import record_url
from syncline.engine.people.names import Names, sentence
from syncline.store import Entry, Store

_UNDONE = ("edited", "updated", "lost")


class Told(Struct, frozen=True, kw_only=True):
    """``url`` is the record's page, ``can_undo`` whether an undo may be asked for."""

    seq: int
    at: datetime
    flow: str
    side: str
    action: str
    name: str
    url: str
    words: str
    can_undo: bool


def told(store: Store, names: Names, entries: Sequence[Entry]) -> list[Told]:
    """In their order."""
    pairs = {pair.link.id: pair for pair in store.pairs_of({e.link for e in entries if e.link})}
    names.know(pairs.values())
    names.know(store.pairs_of({str(v) for e in entries for v in (e.old, e.new) if names.is_reference(e) and v}))
    lonely = [e.ref for e in entries if e.ref is not None and e.link not in pairs and e.whole is None]
    held = store.parked_refs(lonely)
    names.know_parked(list(held.values()))
    parked = {ref: names.of_parked(each) for ref, each in held.items()}
    made = []
    for e in entries:
        pair = pairs.get(e.link or "")
        deleted = names.of_deleted(e.ref, e.whole) if e.ref is not None and e.whole is not None else ""
        alone = parked.get(e.ref, e.ref.id) if e.ref is not None else ""
        is_whole = e.line is None and e.ref is not None and e.action in ("created", "deleted")
        made.append(
            Told(
                seq=e.seq,
                at=e.at,
                flow=e.flow,
                side=e.ref.side if e.ref is not None else "",
                action=e.action,
                name=names.of_pair(pair) if pair is not None else deleted or alone or (e.property or ""),
                url=record_url(e.ref) if e.ref is not None else "",
                words=sentence(e, pair, names),
                can_undo=(e.link is not None and e.property is not None and e.action in _UNDONE) or is_whole,
            )
        )
    return made
