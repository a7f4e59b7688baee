"""What values go back to: what the journal says that one was before becomes what a person says that it shall be.

The next pass writes it. What was changed in a system since, and not seen yet, makes it void
(`syncline.reconcile.merge`): nothing is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from syncline.engine.people.resolving import CannotResolve, known_of, property_of, refusal, takers
from syncline.mapping.model import Flow, Property
from syncline.reconcile.merge import holds, whole
from syncline.records import LinkState, Value, Values
from syncline.store import Entry, Pair, Store

Key: TypeAlias = tuple[str, str | None, str]
"""A link, a line of it or none, a property."""


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


def key_of(entry: Entry) -> Key | None:
    """What the entry is about, if that is a value."""
    if entry.link is None or entry.property is None:
        return None
    return entry.link, entry.line, entry.property


def revert(
    store: Store, flows: Mapping[str, Flow], changes: Mapping[Key, Sequence[Entry]]
) -> tuple[list[Back], list[Kept]]:
    """``changes`` are the entries of one change of each property."""
    pairs = {pair.link.id: pair for pair in store.pairs_of({link for link, _, _ in changes})}
    back: list[Back] = []
    kept: list[Kept] = []
    for key, entries in changes.items():
        try:
            found = _back(store, flows, pairs.get, key, entries)
        except (CannotUndo, CannotResolve) as error:
            kept.append(Kept(entry=entries[0], why=str(error)))
        else:
            back += [found] if found else []
    return back, kept


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
    return olds[next(iter(whole(p, list(olds), olds) or olds))]
