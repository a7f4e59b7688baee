"""Whether a side changed one property of so many records at once that a broken import is likelier than its people.

To empty a property is suspicious much sooner than to change it, and so is the same value everywhere. New values that
differ from each other (a price increase of all products) are work like any other, however many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import UNSET, Struct

from syncline.mapping.model import Flow
from syncline.records import Row, Shadow, Value, Values

Within: TypeAlias = Literal["header", "lines"]
Name: TypeAlias = tuple[Within, str]

FEW = 25
"""So many edited records of a side and flow are not looked at."""
SHARE = 0.2
"""Nor is a smaller share of its linked records."""
_BLANKED = 10
_SAME = 50
_SAME_SHARE = 0.5


class Count(Struct):
    """In how many records a property changed, was emptied, and came to have the commonest of its new values."""

    changed: int = 0
    blanked: int = 0
    same: int = 0


class Tally:
    """Counts edits by property; a record counts once, however many of its lines changed."""

    def __init__(self) -> None:
        self._changed: Counter[Name] = Counter()
        self._blanked: Counter[Name] = Counter()
        self._values: dict[Name, Counter[Value]] = {}

    def add(self, flow: Flow, side: str, row: Row, shadow: Shadow) -> None:
        """Raises nothing: what is not told or was not known is no change."""
        for name, value in dict(_edits(flow, side, row, shadow)).items():
            self._changed[name] += 1
            self._blanked[name] += _is_blank(value)
            self._values.setdefault(name, Counter())[value] += 1

    @property
    def counts(self) -> dict[Name, Count]:
        return {
            name: Count(changed, self._blanked[name], max(self._values[name].values()))
            for name, changed in self._changed.items()
        }


def trips(count: Count, linked: int) -> bool:
    """Whether these edits are to be held until a person says that they are meant."""
    emptied = count.blanked > _BLANKED and count.blanked > linked * SHARE
    return emptied or (count.same > _SAME and count.same > linked * _SAME_SHARE)


def _edits(flow: Flow, side: str, row: Row, shadow: Shadow) -> Iterator[tuple[Name, Value]]:
    for name, value in _changed(row.values, shadow.values):
        if side in flow.properties[name].sources:
            yield ("header", name), value
    if flow.lines is None or row.lines is UNSET:
        return
    known = {line.id: line.values for line in shadow.lines}
    for line in row.lines:
        for name, value in _changed(line.values, known.get(line.id, {})):
            if side in flow.lines.properties[name].sources:
                yield ("lines", name), value


def _changed(now: Values, before: Values) -> Iterator[tuple[str, Value]]:
    return ((name, value) for name, value in now.items() if name in before and before[name] != value)


def _is_blank(value: Value) -> bool:
    """A number that is nothing is empty, too: where a system has no empty numbers, that is how it spells them."""
    return value is None or (not isinstance(value, bool | str) and value == 0)
