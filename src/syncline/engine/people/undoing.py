"""Undo: what was changed, created and deleted is taken back, as the journal says that it was before.

Values and creations are taken back by the next pass (`reverting`, `withdrawing`), deletions at once (`restoring`): all
as writes that are journaled like any other, so an undo can be undone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from syncline.engine.people import releasing, restoring
from syncline.engine.people.reverting import Back, CannotUndo, Kept, Key, key_of, revert
from syncline.engine.people.withdrawing import Withdrawal, Withdrawing, is_creation, is_edit
from syncline.engine.setup import Setup
from syncline.mapping.model import Flow
from syncline.reconcile.merge import Reason
from syncline.records import Answer, Ref
from syncline.store import Entry, Memory, Store

_PAGE = 1_000
_STAYS: Mapping[str, str] = {
    "created": "what was created stays",
    "deleted": "what was deleted is not brought back; the history has it whole",
    "linked": "what was linked stays linked",
    "unlinked": "it is not linked again",
    "resting": "whether it takes part is for the systems to say",
    "completed": "what was completed stays completed",
}


class Undo(Struct, frozen=True, kw_only=True):
    """What would be done: values go ``back``, records that were created are ``withdrawn``, deleted ones ``restored``.

    Each in the order in which it can be done.
    """

    back: tuple[Back, ...] = ()
    withdrawn: tuple[Withdrawal, ...] = ()
    restored: tuple[Entry, ...] = ()
    kept: tuple[Kept, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.back or self.withdrawn or self.restored)


# --- what is meant


def of_change(store: Store, flows: Mapping[str, Flow], seq: int, *, over_later: bool = False) -> Undo:
    """One entry of the journal, with all that was done in one with it. Raises `CannotUndo`.

    A value that gave way is brought back. A later change of the same property, or of a record that was created, is lost
    only ``over_later``.
    """
    entry = store.entry(seq)
    if entry is None:
        raise CannotUndo(f"The journal has no entry {seq}: syncline history RECORD --json tells the numbers.")
    if is_creation(entry):
        return Undo(withdrawn=(_withdrawal(store, flows, entry, over_later=over_later),))
    if restoring.is_deletion(entry):
        try:
            restoring.check(flows, entry)
        except CannotUndo as error:
            raise CannotUndo(f"Entry {seq} (deleted) cannot be undone: {error}.") from error
        return Undo(restored=(entry,))
    if entry.link is None or entry.property is None or entry.action not in ("edited", "updated", "lost"):
        why = _STAYS.get(entry.action, "it changed no value")
        raise CannotUndo(f"Entry {seq} ({entry.action}) cannot be undone: {why}.")
    about = [e for e in store.history(entry.link) if key_of(e) == key_of(entry)]
    later = [e for e in about if e.seq > seq and e.at != entry.at and e.action in ("edited", "updated")]
    if later and not over_later:
        raise CannotUndo(
            f"{entry.property} was changed again since ({', '.join(str(e.seq) for e in later)}): to undo {seq} would "
            "lose that. --over-later does it all the same."
        )
    together = [entry] if entry.action == "lost" else [e for e in about if e.at == entry.at]
    back, kept = revert(store, flows, {(entry.link, entry.line, entry.property): together})
    for each in kept:
        raise CannotUndo(f"{entry.property} cannot be undone: {each.why}.")
    return Undo(back=tuple(back))


def _withdrawal(store: Store, flows: Mapping[str, Flow], entry: Entry, *, over_later: bool) -> Withdrawal:
    assert entry.ref is not None
    history = store.history(entry.ref)
    edits = [e for e in history if e.seq > entry.seq and e.ref == entry.ref and is_edit(e)]
    try:
        return Withdrawing(store, flows, [entry]).of(entry, edits, history[-1].seq, over_later=over_later)
    except CannotUndo as error:
        raise CannotUndo(f"Entry {entry.seq} (created) cannot be undone: {error}.") from error


def since(
    store: Store,
    flows: Mapping[str, Flow],
    moment: datetime,
    *,
    flow: str | None = None,
    refs: Sequence[Ref] | None = None,
    over_later: bool = False,
) -> Undo:
    """Everything that was done from a moment on: to these records, to those of a flow, or to all.

    A record that was created is deleted again although its system has changed it since, only ``over_later``.
    """
    told = _Told(_entries(store, moment, flow, refs))
    order = list(flows)
    withdrawn = told.withdrawn(store, flows, over_later=over_later)
    withdrawn.sort(key=lambda each: (order.index(each.link.flow), each.entry.seq), reverse=True)
    restored = told.restored(flows)
    restored.sort(key=lambda entry: (order.index(entry.flow), entry.seq))
    told.leave({each.link.id: each.ref for each in withdrawn})
    back, kept = revert(store, flows, told.changes)
    return Undo(back=tuple(back), withdrawn=tuple(withdrawn), restored=tuple(restored), kept=(*told.kept, *kept))


def undo(store: Store, made: Undo, now: datetime, by: str | None = None) -> None:
    """Remember it: the next pass does it. What was deleted is not brought back by that."""
    answers = [
        Answer(
            link=each.link,
            property=each.property,
            line=each.line,
            value=each.value,
            seen=each.now,
            note="undone",
            at=now,
            by=by,
        )
        for each in made.back
    ]
    due = releasing.of_links(store, store.links({answer.link for answer in answers}).values(), now)
    wishes = [each.wish(now, by) for each in made.withdrawn]
    store.save(Memory(answers=answers, arrivals=due, released=[arrival.ref for arrival in due], wishes=wishes))


class Restored(Struct, frozen=True, kw_only=True):
    """What became of a record that was to be created again: its new name, or ``None`` where the next pass creates it or
    finds it; or ``why`` it could not be.
    """

    ref: Ref | None = None
    why: str | None = None


async def take_back(setup: Setup, made: Undo, by: str | None = None) -> dict[int, Restored]:
    """`undo`, and what was deleted is created again now: by the entry that tells of it. Raises `ConnectorError`.

    These first: they need the systems, and if one is away nothing else was begun.
    """
    done: dict[int, Restored] = {}
    for entry in made.restored:
        try:
            done[entry.seq] = Restored(ref=await restoring.restore(setup, entry, by))
        except CannotUndo as error:
            done[entry.seq] = Restored(why=str(error))
    undo(setup.store, made, setup.now(), by)
    return done


# --- everything since a time


def _entries(store: Store, moment: datetime, flow: str | None, refs: Sequence[Ref] | None) -> Iterator[Entry]:
    if refs is not None:
        told = {entry.seq: entry for ref in refs for entry in store.history(ref) if entry.at >= moment}
        yield from (told[seq] for seq in sorted(told))
        return
    after = 0
    while page := store.journal_since(moment, flow, after, _PAGE):
        yield from page
        after = page[-1].seq


class _Told:
    """What the journal tells, sorted by how it is taken back.

    What was taken back already is left alone, and so is the undo that did it: what stood at that time stands again.
    """

    def __init__(self, entries: Iterator[Entry]) -> None:
        self.changes: dict[Key, list[Entry]] = {}
        self.kept: list[Kept] = []
        self._created: list[Entry] = []
        self._deleted: list[Entry] = []
        self._edits: defaultdict[Ref, list[Entry]] = defaultdict(list)
        self._brought_back: defaultdict[str, set[Ref]] = defaultdict(set)
        self._seen = 0
        for entry in entries:
            self._seen = entry.seq
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        key = key_of(entry)
        if entry.ref is not None and is_edit(entry):
            self._edits[entry.ref].append(entry)
        if entry.ref is not None and entry.action in ("created", "unlinked"):
            self._brought_back[entry.note].add(entry.ref)
        if is_creation(entry):
            self._created.append(entry)
        elif restoring.is_deletion(entry):
            self._deleted.append(entry)
        elif entry.action in _STAYS:
            self.kept.append(Kept(entry=entry, why=_STAYS[entry.action]))
        elif key is None or entry.action not in ("edited", "updated"):
            return
        elif entry.note == Reason.FILLED:
            self.kept.append(Kept(entry=entry, why=f"it was empty, and filled from {entry.origin}"))
        elif self.changes.setdefault(key, [entry])[0] is not entry and self.changes[key][0].at == entry.at:
            self.changes[key].append(entry)

    def withdrawn(self, store: Store, flows: Mapping[str, Flow], *, over_later: bool) -> list[Withdrawal]:
        found: list[Withdrawal] = []
        gone = {entry.ref for entry in self._deleted}
        again = {ref for entry in self._deleted for ref in self._brought_back[restoring.note_of(entry)]}
        withdrawing = Withdrawing(store, flows, self._created)
        for entry in self._created:
            assert entry.ref is not None
            try:
                if entry.ref in gone:
                    raise CannotUndo("it was deleted again since")
                made = withdrawing.of(entry, self._edits[entry.ref], self._seen, over_later=over_later)
                if again.intersection(made.link.refs):
                    raise CannotUndo("an undo brought it back")
            except CannotUndo as error:
                self.kept.append(Kept(entry=entry, why=str(error)))
            else:
                found.append(made)
        return found

    def restored(self, flows: Mapping[str, Flow]) -> list[Entry]:
        found: list[Entry] = []
        created = {entry.ref for entry in self._created}
        for entry in self._deleted:
            try:
                if entry.ref in created:
                    raise CannotUndo("it was created since then, too")
                if self._brought_back[restoring.note_of(entry)]:
                    raise CannotUndo("an undo brought it back already")
                restoring.check(flows, entry)
            except CannotUndo as error:
                self.kept.append(Kept(entry=entry, why=str(error)))
            else:
                found.append(entry)
        return found

    def leave(self, withdrawn: Mapping[str, Ref]) -> None:
        """Of links whose record is deleted again, what was done to the others stays: nothing brings that in step."""
        left = {key: entries for key, entries in self.changes.items() if key[0] in withdrawn}
        stay = [
            Kept(entry=entry, why="it stays as it is when its counterpart is deleted again")
            for (link, _, _), entries in left.items()
            for entry in entries
            if entry.action == "updated" and entry.ref != withdrawn[link]
        ]
        self.changes = {key: entries for key, entries in self.changes.items() if key not in left}
        goes = set(withdrawn.values())
        self.kept = [each for each in self.kept if each.entry.ref not in goes]
        self.kept += stay
