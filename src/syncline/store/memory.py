"""What can be remembered, as data. Every time is aware and kept to the microsecond, in UTC."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from syncline.records import Answer, Line, Link, LinkState, Record, Ref, Shadow, Value, Values, Write

Cause: TypeAlias = Literal[
    "waiting",
    "refused",
    "conflict",
    "ambiguous",
    "suggested",
    "unlinked",
    "deleted",
    "older",
    "unknown",
    "untranslatable",
]
"""Why a record is parked. ``waiting`` ends by itself, when what it waits for is linked."""

Action: TypeAlias = Literal[
    "linked",
    "agreed",
    "created",
    "edited",
    "updated",
    "deleted",
    "lost",
    "void",
    "parked",
    "held",
    "resting",
    "completed",
    "unlinked",
    "retried",
    "apart",
]
"""What a journal entry tells. ``agreed`` is what a side held when its record was first brought in step; ``edited`` what
a side changed by itself, ``updated`` what Syncline wrote there; ``lost`` a value that gave way to another; ``void``
what a person said that was dropped, since a side had changed by then; ``retried`` and ``apart`` that a person took up a
record again, and said that it is not the same as another."""


class Arrival(Struct, frozen=True, kw_only=True, gc=False):
    """A record that was observed at ``seen`` and is not yet worked off; together they are the inbox.

    ``record`` is ``None`` when its system says that it is deleted. ``due`` is ``None`` while it is parked: it then
    waits for a newer observation, for another record to link, or for a person. ``attempts`` were made since ``seen``.
    An ``edit`` is of a record that was linked when it was seen: somebody waits for it. ``link`` is filled on reading
    and ignored on saving.
    """

    ref: Ref
    record: Record | None
    seen: datetime
    due: datetime | None
    attempts: int = 0
    edit: bool = True
    link: str | None = None


class Parked(Struct, frozen=True, kw_only=True):
    """Why a record is not worked on, in words for people. One a record.

    ``message`` is the system's own where it refused; ``mend`` what would release it. ``waits`` are the records that
    must be linked first; of what was refused, those whose change may let it through. ``details`` is plain JSON data.
    ``link`` is filled on reading and ignored on saving.
    """

    ref: Ref
    link: str | None = None
    cause: Cause
    message: str
    mend: str = ""
    since: datetime
    waits: tuple[Ref, ...] = ()
    details: Mapping[str, Any] = {}


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One row of the journal: what was done or decided, and never changed afterwards.

    ``ref`` is the record that the value was written to or that the decision is about; ``origin`` the side the value
    came from, ``None`` where the system itself or a person in it did it, or a person said so; ``line`` the line of a
    keyed collection.
    ``whole`` is everything that was known of a record, or of a line alone, that comes or goes. ``by`` is the person who
    said so, ``None`` where nobody did, and in what was written before that was kept. ``seq`` is its place in the
    journal, filled on reading and ignored on saving.
    """

    at: datetime
    flow: str
    link: str | None
    ref: Ref | None
    action: Action
    property: str | None = None
    line: str | None = None
    old: Value = None
    new: Value = None
    origin: str | None = None
    note: str = ""
    whole: Shadow | None = None
    by: str | None = None
    seq: int = 0


class Wish(Struct, frozen=True, kw_only=True):
    """What a person said of the links of a flow: the next pass does it, since only one may change them at a time.

    ``members`` (record ids by side) are to be one link, are one that shall end, or are one whose record on ``side``
    shall be deleted, of which the person (``by``) had ``seen`` what the journal told up to there. ``seq`` is filled on
    reading and ignored on saving.
    """

    kind: Literal["link", "unlink", "delete"]
    flow: str
    members: Mapping[str, str]
    at: datetime
    side: str | None = None
    seen: int = 0
    by: str | None = None
    seq: int = 0

    @property
    def refs(self) -> list[Ref]:
        return [Ref(self.flow, side, id_) for side, id_ in self.members.items()]


class Hold(Struct, frozen=True, kw_only=True):
    """A property of which a side changed too much at once: its edits there do not count until a person says so.

    ``within`` is ``lines`` where it is a property of lines. ``state`` is ``held``, or what a person said, until that is
    done: ``passed`` where the edits are meant, ``rejected`` where what was there before is to be put back. In
    ``changed`` of ``linked`` records it was changed, in ``blanked`` emptied.
    """

    flow: str
    side: str
    property: str
    within: Literal["header", "lines"] = "header"
    state: Literal["held", "passed", "rejected"] = "held"
    changed: int
    blanked: int
    linked: int
    since: datetime


class Delay(Struct, frozen=True, kw_only=True):
    """How long edits of a flow took in an hour, from being seen to being written and remembered.

    ``hour`` is its beginning; ``writes`` are records that were written; ``total`` and ``longest`` of their delays.
    """

    flow: str
    hour: datetime
    writes: int
    total: timedelta
    longest: timedelta


class Standing(Struct, frozen=True, kw_only=True):
    """How a flow stands, asked so that it costs the same however much there is.

    As `Counts`; ``due`` is counted up to ``most`` only. ``behind`` is since when the longest due record is due.
    """

    flow: str
    linked: int = 0
    resting: int = 0
    completed: int = 0
    due: int = 0
    parked: Mapping[str, int] = {}
    behind: datetime | None = None
    last: datetime | None = None


class Overdue(Struct, frozen=True, kw_only=True):
    """What of a side is due now: how many records, and ``since`` when the longest due one is."""

    records: int
    since: datetime


class Delayed(Struct, frozen=True, kw_only=True):
    """How many records of a flow were written at all, and how long that took in sum since each was seen."""

    writes: int
    total: timedelta


class Sought(Struct, frozen=True, kw_only=True):
    """Which entries of the journal are asked for, newest first: those that are all of this.

    ``before`` is a ``seq``.
    """

    flow: str | None = None
    side: str | None = None
    action: str | None = None
    links: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


class Found(Struct, frozen=True, kw_only=True):
    """Some entries. ``older`` is where to go on from (`Sought.before`), ``None`` where the journal was seen to its end.

    A look goes back a bounded way, so there may be older ones although these are few.
    """

    entries: tuple[Entry, ...]
    older: int | None


Groups: TypeAlias = tuple[tuple[Value, tuple[Ref, ...]], ...]
"""Values of a key, each with the records that have it."""

Role: TypeAlias = Literal["see", "resolve", "administer"]
"""What a user of the console may do; each includes the ones before."""


class User(Struct, frozen=True, kw_only=True):
    """Somebody who may sign in to the console. ``password`` is its hash."""

    name: str
    role: Role
    password: str
    since: datetime


class Session(Struct, frozen=True, kw_only=True):
    """Somebody who is signed in. ``token`` is the hash of the one they hold."""

    token: str
    user: str
    role: Role
    expires: datetime


class Added(Struct, frozen=True, kw_only=True, gc=False):
    """A line that a write adds: its name, and what it comes from, by side, as it was when that was decided."""

    line: str
    origins: Mapping[str, Line]


class Intent(Struct, frozen=True, kw_only=True, gc=False):
    """A write that is about to be sent, and whose outcome is not known until the intent is closed.

    ``record`` is the id written to, ``None`` for a create. ``values`` are what is sent, in the shared shape. ``added``
    are the lines that it adds, in its order. ``opened`` is when it was sent, or when its answer was lost.
    """

    id: str
    flow: str
    link: str
    side: str
    record: str | None
    write: Write
    values: Values
    added: tuple[Added, ...] = ()
    opened: datetime


class Memory(Struct, frozen=True, kw_only=True):
    """What one step wants remembered: all of it or, if anything fails, none.

    Within one memory what is removed goes first, so that a record can leave one link for another, and an arrival can be
    done and come again; waking comes last, so that what is parked here is woken by what links here.
    """

    cursors: Mapping[tuple[str, str], str | None] = {}
    """By (flow, side). ``None``: list everything again."""
    listed: Collection[tuple[str, str]] = ()
    """The (flow, side) whose first listing is complete."""
    arrivals: Sequence[Arrival] = ()
    """Each takes the place of an earlier one of the same record, never of one that was seen later."""
    done: Collection[tuple[Ref, datetime]] = ()
    """What was worked off, and the ``seen`` it was worked off with: a record seen again meanwhile stays."""
    links: Sequence[Link] = ()
    unlinks: Collection[str] = ()
    """Link ids: these go with their members and shadows. The records' keys stay."""
    shadows: Mapping[tuple[str, str], Shadow] = {}
    """By (link, side)."""
    keys: Mapping[Ref, Values] = {}
    """All the values that a record can be found by; an empty mapping forgets a record that is gone."""
    parked: Sequence[Parked] = ()
    released: Collection[Ref] = ()
    """No longer parked. Their arrivals are left as they are."""
    woken: Collection[Ref] = ()
    """Records that are linked now: whatever waits for one of them is no longer parked, and due."""
    opened: Sequence[Intent] = ()
    closed: Collection[str] = ()
    """Intent ids."""
    journal: Sequence[Entry] = ()
    facts: Mapping[str, str] = {}
    apart: Collection[frozenset[Ref]] = ()
    """Pairs of records of which a person said that they are not the same."""
    together: Collection[frozenset[Ref]] = ()
    """Pairs of which that no longer holds."""
    answers: Sequence[Answer] = ()
    answered: Collection[Answer] = ()
    """Those that were acted upon or are void. What a person said of the same property meanwhile stays."""
    wishes: Sequence[Wish] = ()
    fulfilled: Collection[int] = ()
    """Wishes that were done or cannot be, by their ``seq``."""
    holds: Sequence[Hold] = ()
    delays: Sequence[Delay] = ()
    """Added to what is known of the hour."""
    lifted: Collection[tuple[str, str, str, str]] = ()
    """Holds that are over, by (flow, side, within, property)."""

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, name) for name in self.__struct_fields__)


class Remembered(Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a linked record: its link and how that stands, and what the record was last known to hold."""

    link: str
    state: LinkState
    shadow: Shadow | None


class Pair(Struct, frozen=True, kw_only=True):
    """A link with what each side was last known to hold."""

    link: Link
    shadows: Mapping[str, Shadow]


class Counts(Struct, frozen=True, kw_only=True):
    """How one flow stands. ``linked`` counts every link, also those ``resting`` or ``completed``.

    ``due`` are arrivals that will be worked on by themselves, now or later. ``parked`` is by cause, ``waiting`` apart.
    """

    linked: int = 0
    resting: int = 0
    completed: int = 0
    due: int = 0
    waiting: int = 0
    parked: Mapping[str, int] = {}
    last: datetime | None = None
