"""What a pass, a plan and a verification tell the people who asked for them, and how far they have come."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from syncline.records import Ref, Value
from syncline.store.memory import Cause


class Progress(Protocol):
    """Told while long work goes on. Counts are since the work began; ``total`` is ``None`` where nobody knows it."""

    def reading(self, flow: str, side: str, records: int, total: int | None) -> None:
        """Records of one side that were looked at."""

    def working(self, flow: str, done: int, total: int) -> None:
        """Records that were worked off, of those found to be due so far."""


class Quiet:
    """Nobody is watching."""

    def reading(self, flow: str, side: str, records: int, total: int | None) -> None:
        pass

    def working(self, flow: str, done: int, total: int) -> None:
        pass


class Tally:
    """What was done in one flow: links made, records written by side, records parked by cause."""

    def __init__(self) -> None:
        self.linked = 0
        self.created: Counter[str] = Counter()
        self.updated: Counter[str] = Counter()
        self.deleted: Counter[str] = Counter()
        self.parked: Counter[Cause] = Counter()


class Result:
    """What a pass did, by flow; what it could not finish, what people said that was void, what edits it holds, and what
    else people should know: one sentence each. ``turns`` are the flow of each turn and its seconds; ``more`` says
    that it was told to leave some of what is due.
    """

    def __init__(self) -> None:
        self.flows: defaultdict[str, Tally] = defaultdict(Tally)
        self.unfinished: list[str] = []
        self.void: list[str] = []
        self.held: list[str] = []
        self.told: list[str] = []
        self.turns: list[tuple[str, float]] = []
        self.more = False
        self._refused: list[str] = []
        self._put_off: dict[Ref, str] = {}

    def refuse(self, sentence: str) -> None:
        """What a person wished, and no later round can do either."""
        self._refused.append(sentence)
        self.unfinished.append(sentence)

    def put_off(self, refs: Iterable[Ref], sentence: str) -> None:
        """Why these could not be finished. It holds until they are tried again, however many rounds later."""
        self._put_off |= dict.fromkeys(refs, sentence)
        if sentence not in self.unfinished:
            self.unfinished.append(sentence)

    def tried(self, refs: Iterable[Ref]) -> None:
        """These are worked on again."""
        for ref in refs:
            self._put_off.pop(ref, None)

    def try_again(self) -> None:
        """Another round begins: what was not finished may be now."""
        self.unfinished[:] = dict.fromkeys([*self._refused, *self._put_off.values()])

    @property
    def writes(self) -> int:
        """Records created, updated or deleted on either side."""
        return sum(t.created.total() + t.updated.total() + t.deleted.total() for t in self.flows.values())


# --- a plan

Step: TypeAlias = Literal["link", "create", "update", "delete", "conflict", "park"]
"""What would happen to a pair of records. ``link`` only says that they are the same: changes are rows of their own."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One property of one side: from what to what, and which side's value it is.

    ``old`` and ``new`` are shared values; a reference is shown by the name of the record it points to. ``line`` names
    an order's line, ``number`` is the place where it stands, from 1 on.
    """

    side: str
    property: str
    old: Value
    new: Value
    origin: str | None = None
    line: str | None = None
    number: int | None = None


class PlanRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a plan.

    ``members`` are the records by side as far as there are any, ``versions`` those that were looked at; ``name`` is
    what people call it. ``key`` is the match key of a link; ``target`` the side that is written by a create, update or
    delete; ``message`` says why it would be parked, or between which values a person must choose.
    """

    step: Step
    flow: str
    link: str | None
    name: str
    members: Mapping[str, str]
    versions: Mapping[str, str | None] = {}
    key: str | None = None
    target: str | None = None
    changes: tuple[Change, ...] = ()
    message: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What a pass would do now. ``systems`` is the identity of each side, so that no other company gets it."""

    made: datetime
    systems: Mapping[str, str]
    rows: tuple[PlanRow, ...]


class Refusal(Struct, frozen=True, kw_only=True):
    """A row of a plan that was not applied, and why."""

    row: PlanRow
    why: str


# --- a verification


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two sides do not agree under the mapping.

    ``property`` is ``None`` where a whole record (or line) is on one side only; ``values`` is what each side holds, in
    the shared shape. ``line`` names an order's line, ``number`` is the place where it stands. ``cause`` says why in
    words, as far as it is known.
    """

    flow: str
    name: str
    members: Mapping[str, str]
    property: str | None = None
    line: str | None = None
    number: int | None = None
    values: Mapping[str, Value] = {}
    cause: str = ""


class Verification(Struct, frozen=True, kw_only=True):
    """``compared`` are the linked pairs by flow, ``properties`` how many values were held against each other."""

    compared: Mapping[str, int]
    properties: int
    differences: tuple[Difference, ...]
