"""Undo: what the journal says that a property was before becomes what a person says that it shall be.

The next pass does it, as writes that are journaled like any other; so an undo can be undone. What was changed in a
system since, and not seen yet, makes it void (`syncline.reconcile.merge`): nothing is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from syncline.engine.people import releasing
from syncline.engine.people.resolving import CannotResolve, known_of, property_of, refusal, takers
from syncline.mapping.model import Flow, Property
from syncline.reconcile.merge import Reason, holds
from syncline.records import Answer, LinkState, Ref, Value, Values
from syncline.store import Entry, Memory, Pair, Store

_PAGE = 1_000
Key: TypeAlias = tuple[str, str | None, str]
"""A link, a line of it or none, a property."""
_STAYS: Mapping[str, str] = {
    "created": "what was created stays",
    "deleted": "what was deleted is not brought back; the history has it whole",
    "linked": "what was linked stays linked",
    "unlinked": "it is not linked again",
    "resting": "whether it takes part is for the systems to say",
    "completed": "what was completed stays completed",
}


class CannotUndo(Exception):
    """Which change, and why it cannot be taken back."""


class Back(Struct, frozen=True, kw_only=True):
    """A property that goes back to ``value`` from what each side holds ``now``."""

    flow: str
    link: str
    property: str
    line: str | None
    value: Value
    now: Values
    writes: tuple[str, ...]


class Kept(Struct, frozen=True, kw_only=True):
    """What is not taken back, and why."""

    entry: Entry
    why: str


class Undo(Struct, frozen=True, kw_only=True):
    """What would be done."""

    back: tuple[Back, ...]
    kept: tuple[Kept, ...]


# --- what is meant


def of_change(store: Store, flows: Mapping[str, Flow], seq: int, *, over_later: bool = False) -> Undo:
    """One entry of the journal, with all that was done in one with it. Raises `CannotUndo`.

    A value that gave way is brought back. A later change of the same property is lost only ``over_later``.
    """
    entry = store.entry(seq)
    if entry is None:
        raise CannotUndo(f"The journal has no entry {seq}: syncline history RECORD --json tells the numbers.")
    if entry.link is None or entry.property is None or entry.action not in ("edited", "updated", "lost"):
        why = _STAYS.get(entry.action, "it changed no value")
        raise CannotUndo(f"Entry {seq} ({entry.action}) cannot be undone: {why}.")
    about = [e for e in store.history(entry.link) if _key(e) == _key(entry)]
    later = [e for e in about if e.seq > seq and e.at != entry.at and e.action in ("edited", "updated")]
    if later and not over_later:
        raise CannotUndo(
            f"{entry.property} was changed again since ({', '.join(str(e.seq) for e in later)}): to undo {seq} would "
            "lose that. --over-later does it all the same."
        )
    together = [entry] if entry.action == "lost" else [e for e in about if e.at == entry.at]
    made = _undo(store, flows, {(entry.link, entry.line, entry.property): together}, [])
    for kept in made.kept:
        raise CannotUndo(f"{entry.property} cannot be undone: {kept.why}.")
    return made


def since(
    store: Store,
    flows: Mapping[str, Flow],
    moment: datetime,
    *,
    flow: str | None = None,
    refs: Sequence[Ref] | None = None,
) -> Undo:
    """Everything that was changed from a moment on: of these records, of a flow, or of all."""
    first: dict[Key, list[Entry]] = {}
    kept: list[Kept] = []
    for entry in _told(store, moment, flow, refs):
        key = _key(entry)
        if entry.action in _STAYS:
            kept.append(Kept(entry=entry, why=_why_it_stays(entry)))
        elif key is None or entry.action not in ("edited", "updated"):
            continue
        elif entry.note == Reason.FILLED:
            kept.append(Kept(entry=entry, why=f"it was empty, and filled from {entry.origin}"))
        elif first.setdefault(key, [entry])[0] is not entry and first[key][0].at == entry.at:
            first[key].append(entry)
    return _undo(store, flows, first, kept)


def undo(store: Store, made: Undo, now: datetime) -> None:
    """Remember it: the next pass does it."""
    answers = [
        Answer(
            link=each.link,
            property=each.property,
            line=each.line,
            value=each.value,
            seen=each.now,
            note="undone",
            at=now,
        )
        for each in made.back
    ]
    due = releasing.of_links(store, store.links({answer.link for answer in answers}).values(), now)
    store.save(Memory(answers=answers, arrivals=due, released=[arrival.ref for arrival in due]))


def _told(store: Store, moment: datetime, flow: str | None, refs: Sequence[Ref] | None) -> Iterator[Entry]:
    if refs is not None:
        told = {entry.seq: entry for ref in refs for entry in store.history(ref) if entry.at >= moment}
        yield from (told[seq] for seq in sorted(told))
        return
    after = 0
    while page := store.journal_since(moment, flow, after, _PAGE):
        yield from page
        after = page[-1].seq


def _why_it_stays(entry: Entry) -> str:
    if entry.action == "deleted" and entry.line is None and entry.origin is not None and entry.whole is not None:
        return f"syncline undo --change {entry.seq} creates it again"
    return _STAYS[entry.action]


def _key(entry: Entry) -> Key | None:
    if entry.link is None or entry.property is None:
        return None
    return entry.link, entry.line, entry.property


# --- what it goes back to


def _undo(
    store: Store, flows: Mapping[str, Flow], changes: Mapping[Key, Sequence[Entry]], kept: Iterable[Kept]
) -> Undo:
    """``changes`` are the entries of one change of each property."""
    pairs = {pair.link.id: pair for pair in store.pairs_of({link for link, _, _ in changes})}
    back: list[Back] = []
    stays = list(kept)
    for key, entries in changes.items():
        try:
            found = _back(store, flows, pairs.get, key, entries)
        except (CannotUndo, CannotResolve) as error:
            stays.append(Kept(entry=entries[0], why=str(error)))
        else:
            back += [found] if found else []
    return Undo(back=tuple(back), kept=tuple(stays))


def _back(
    store: Store, flows: Mapping[str, Flow], pair_of: Callable[[str], Pair | None], key: Key, entries: Sequence[Entry]
) -> Back | None:
    """``None`` where everything is so already. Raises `CannotUndo` and `CannotResolve`."""
    link, line, name = key
    flow, pair = flows.get(entries[0].flow), pair_of(link)
    if flow is None:
        raise CannotUndo("the flow is not in the agreement any more")
    if pair is None:
        raise CannotUndo("the records are not linked any more")
    if pair.link.state is not LinkState.ACTIVE:
        raise CannotUndo(f"its link is {pair.link.state}")
    p = property_of(flow, name, line)
    now = _held(pair, p, line)
    if not now:
        raise CannotUndo("the line is not there any more" if line else "nothing is known of it any more")
    value = _before(p, entries)
    differ = [side for side, held in now.items() if not holds(p, side, value, held)]
    writes = takers(flow, p, differ)
    for side in differ:
        if side not in writes:
            raise CannotUndo(f"the agreement lets nothing of it be written to {side}")
        if (reason := refusal(store, p, side, value)) is not None:
            raise CannotUndo(f"{side} cannot take what was there before: {reason}")
    if not differ:
        return None
    return Back(flow=flow.name, link=link, property=name, line=line, value=value, now=now, writes=writes)


def _held(pair: Pair, p: Property, line: str | None) -> dict[str, Value]:
    """What each side was last known to hold."""
    known = {side: known_of(shadow, line) for side, shadow in pair.shadows.items() if side in pair.link.members}
    return {side: known[side][p.name] for side in p.columns if side in known and p.name in known[side]}


def _before(p: Property, entries: Sequence[Entry]) -> Value:
    """What both sides held before a change, in the words of the side that says it all; else the side that changed it.

    Raises `CannotUndo` where nobody had changed it.
    """
    if entries[0].action == "lost":
        return entries[0].old
    edited = {e.ref.side: e.old for e in entries if e.ref is not None and e.action == "edited"}
    written = {e.ref.side: e.old for e in entries if e.ref is not None and e.action == "updated"}
    if not edited and any(e.origin is not None for e in entries):
        origin = next(e.origin for e in entries if e.origin is not None)
        raise CannotUndo(f"it was brought in step with {origin}, where it had not been changed")
    olds = edited | {side: written[side] for side in p.columns if side in written}
    whole = (old for old in olds.values() if all(holds(p, side, old, other) for side, other in olds.items()))
    return next(whole, next(iter(olds.values())))
