"""What a record waits for in the end: another record that a person must mend, one that never comes, or itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from syncline.records import Ref


class Fate(StrEnum):
    """What is at the end of a chain of records that wait for each other; the one that is worst to wait for first."""

    CYCLE = "cycle"
    """It waits for itself: nobody can go first."""
    NOTHING = "nothing"
    """There is no such record, as far as is known."""
    PARKED = "parked"
    """It is parked for a reason of its own."""
    COMING = "coming"
    """It goes on by itself."""


class End(Struct, frozen=True):
    """What becomes of a record that does not wait, in words that go on from its name."""

    fate: Fate
    words: str


class Chain(Struct, frozen=True, kw_only=True):
    """The records from the one that waits to the last; in a cycle that is one that stands in it before."""

    refs: tuple[Ref, ...]
    end: End

    @property
    def endless(self) -> bool:
        """It cannot end by itself, nor by mending a record that is parked."""
        return self.end.fate in (Fate.CYCLE, Fate.NOTHING)

    def __str__(self) -> str:
        first, *others = self.refs
        steps = [
            f"{first} waits for {others[0]}" if others else str(first),
            *(f"waits for {ref}" for ref in others[1:]),
        ]
        return ", which ".join([*steps, self.end.words])


def chain(start: Ref, waits: Mapping[Ref, Sequence[Ref]], ends: Mapping[Ref, End]) -> Chain:
    """Of all that ``start`` waits for, the chain with the worst end. ``ends`` tells of the records that do not wait."""
    best = Chain(refs=(start,), end=End(Fate.COMING, "goes on with the next pass"))
    path: list[Ref] = [start]
    left = [iter(waits.get(start, ()))]
    done: set[Ref] = set()
    while path:
        ref = next(left[-1], None)
        if ref is None:
            done.add(path.pop())
            left.pop()
        elif ref in path:
            words = "is itself" if ref == path[-1] else "closes a circle: none of them can go first"
            return Chain(refs=(*path, ref), end=End(Fate.CYCLE, words))
        elif ref not in done:
            path.append(ref)
            left.append(iter(waits.get(ref, ())))
            if ref in ends and (len(best.refs) == 1 or _rank(ends[ref]) < _rank(best.end)):
                best = Chain(refs=tuple(path), end=ends[ref])
    return best


def _rank(end: End) -> int:
    return list(Fate).index(end.fate)
