"""What happens to a world, as data: drawn from its seed while it runs, and replayed with some of it left out.

Everything has a place: the pass, the side, the operation, and how often that operation was reached in that pass. So
leaving one thing out moves little else, and a story can say where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct


class Act(Struct, frozen=True, kw_only=True, tag="act"):
    """What a person does. ``trace`` names the record and ``line`` the line, whichever ids they have where.

    ``values`` by property; of a reference, the trace of the record that it points to. ``hidden`` is how many seconds
    pass before the listings show it.
    """

    verb: str
    side: str
    entity: str
    trace: str
    line: str | None = None
    values: Mapping[str, str | Decimal | None] = {}
    hidden: float = 0


class Fault(Struct, frozen=True, kw_only=True, tag="fault"):
    """What goes wrong. ``seconds`` is how long, where it lasts."""

    name: str
    seconds: float = 0


Event: TypeAlias = Act | Fault
Draw: TypeAlias = Callable[[str, str], Sequence[Event]]


class Script:
    """The events by their place. Without ``draw`` only what is in it already happens."""

    def __init__(self, events: Mapping[str, Sequence[Event]] | None = None, draw: Draw | None = None) -> None:
        self.events: dict[str, Sequence[Event]] = dict(events or {})
        self._draw = draw
        self._reached: Counter[str] = Counter()
        self._over = False
        self.steps = 0

    def at(self, number: int, side: str, operation: str) -> tuple[str, Sequence[Event]]:
        """The place that is reached now, and what happens there."""
        self.steps += 1
        stem = f"{number} {side} {operation}"
        self._reached[stem] += 1
        place = f"{stem} {self._reached[stem]}"
        if self._over:
            return place, ()
        if self._draw is not None and (drawn := self._draw(side, operation)):
            self.events[place] = drawn
        return place, self.events.get(place, ())

    def quiet(self) -> None:
        """Nothing happens any more."""
        self._over = True
