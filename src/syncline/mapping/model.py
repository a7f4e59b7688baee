"""A flow: a table whose rows are shared properties and whose columns are systems.

Everything here is what a flow file says after it has been read and checked (`syncline.mapping.load`); nothing here
knows of files or of any system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value


class LensError(ValueError):
    """A value that cannot be translated. The text says which and why; the caller adds record and property."""


class Lens(Protocol):
    """A translation between what a side holds at a column's paths and one shared value.

    Laws, for every value that the lens can ``get``: ``put(get(raw))`` is what the side holds after normalising
    ``raw``, and ``get(put(value))`` is ``value`` seen through what the side can hold, which a second round does not
    change.
    """

    def get(self, raw: tuple[Any, ...]) -> Value:
        """The shared value of what the side holds, one member a path. Raises `LensError`."""

    def put(self, value: Value) -> tuple[Any, ...]:
        """What the side is to be sent, one member a path. Raises `LensError`."""

    @property
    def words(self) -> str | None:
        """What people agreed that it does, in words; ``None`` where it only does what the system does by itself."""

    @property
    def lossy(self) -> str | None:
        """What is lost on the way, in words for people; ``None`` where nothing is."""


class Column(Struct, frozen=True, kw_only=True):
    """Where one side keeps a property, and how it spells it.

    ``context`` are paths that are read, never written, to understand the value (a telephone number's country): the lens
    is told them after its own paths, and must do without them where it is told only those.

    ``table`` is the code table in which a code must stand; where ``type`` is an id, the lens works on the id's code.
    ``within`` is the shared property that scopes it. ``missing`` says what to do with a code the table lacks: ``park``,
    ``create`` or ``default``, which then uses ``default``.
    """

    paths: tuple[str, ...]
    context: tuple[str, ...] = ()
    lens: Lens
    type: PropertyType
    table: str | None = None
    within: str | None = None
    missing: str = "park"
    default: Value = None

    @property
    def rule(self) -> str:
        """Where and as what the side keeps a value, and what of it is lost, in words for people."""
        told = (f"{' and '.join(self.paths)} is {self.type.label}", self.lens.lossy)
        return ", ".join(part for part in told if part)


class Policy(StrEnum):
    """What happens when several sides changed one property to different values."""

    LATEST = "latest"
    PREFER = "prefer"
    ASK = "ask"


class Conflict(Struct, frozen=True):
    policy: Policy = Policy.LATEST
    side: str | None = None
    """The preferred side, with ``prefer``."""


class Reference(Struct, frozen=True):
    """The property points to a record of another flow.

    By its id, or on a side named in ``by`` through the value of that shared property of the other flow (a person's
    ``companyNumber`` is its customer's ``companyContact``).
    """

    flow: str
    by: Mapping[str, str] = {}


class Property(Struct, frozen=True, kw_only=True):
    """A row of the table.

    ``sources`` are the sides whose edits count, ``targets`` those that receive them. ``when_create`` sends the value
    with a new record and later fills it only where it is empty. ``keep_filled``: an empty value does not travel.
    """

    name: str
    kind: Kind
    columns: Mapping[str, Column]
    sources: frozenset[str]
    targets: frozenset[str]
    when_create: bool = False
    keep_filled: bool = False
    conflict: Conflict = Conflict()
    reference: Reference | None = None
    required: bool = False

    def normal(self, side: str, value: Value) -> Value:
        """``value`` as ``side`` would hold it. A reference is the same everywhere."""
        column = self.columns.get(side)
        if column is None or self.reference is not None:
            return value
        try:
            return column.lens.get(column.lens.put(value))
        except LensError:
            return value


class Lines(Struct, frozen=True, kw_only=True):
    """The keyed collection of a flow: the property that holds it on each side, and the rows inside a line."""

    paths: Mapping[str, str]
    properties: Mapping[str, Property]


class Deletion(StrEnum):
    """What becomes of the counterpart of a record that was deleted."""

    ASK = "ask"
    PROPAGATE = "propagate"
    KEEP = "keep"
    BLOCK = "block"


class MatchKey(Struct, frozen=True):
    """Records that agree in all these properties, none empty, are the same one; or, with ``suggest``, might be."""

    properties: tuple[str, ...]
    suggest: bool = False


class Side(Struct, frozen=True, kw_only=True):
    """One system's part in a flow.

    ``where`` is what makes a record part of the flow, by path, as the system spells it: one value or any of several.
    ``constants`` are sent first with every new record. ``since`` leaves what was last changed before alone; with
    ``from_now`` that time is when the flow was first taken up, which is not for the agreement to know.
    """

    system: str
    entity: str
    title: str = ""
    """What people call one of these records there; empty where the agreement does not say."""
    where: Mapping[str, tuple[Any, ...]] = {}
    constants: Mapping[str, Any] = {}
    since: datetime | None = None
    from_now: bool = False
    write: bool = True


class Flow(Struct, frozen=True, kw_only=True, eq=False):
    """The agreement on one kind of record. ``sides`` keep the order of the file: first is left.

    Flows are the same only when they are one object: what is prepared for a flow is kept by it.
    """

    name: str
    sides: Mapping[str, Side]
    properties: Mapping[str, Property]
    match: tuple[MatchKey, ...]
    delete: Deletion = Deletion.ASK
    lines: Lines | None = None
    source: str = ""
    """The file it was read from, for messages."""

    @property
    def references(self) -> frozenset[str]:
        """The flows that must come before this one."""
        named = (p.reference.flow for p in self.rows if p.reference)
        return frozenset(named) - {self.name}

    @property
    def creates_codes(self) -> bool:
        """Whether a code that a table lacks may have to be created first."""
        columns = (column for p in self.rows for column in p.columns.values())
        return any(column.missing == "create" for column in columns)

    def paths(self, side: str) -> tuple[str, ...]:
        """Every path of a record's header that this flow reads on a side, each once."""
        return _paths(self.properties.values(), side, tuple(self.sides[side].where))

    def line_paths(self, side: str) -> tuple[str, ...]:
        """Every path inside a line that this flow reads on a side."""
        return _paths(self.lines.properties.values(), side) if self.lines else ()

    def tables(self, side: str) -> frozenset[str]:
        """The code tables of a side that this flow looks something up in."""
        columns = (p.columns[side] for p in self.rows if side in p.columns)
        return frozenset(column.table for column in columns if column.table)

    @property
    def rows(self) -> tuple[Property, ...]:
        """Of the header and of its lines."""
        return (*self.properties.values(), *(self.lines.properties.values() if self.lines else ()))


def _paths(properties: Iterable[Property], side: str, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    columns = (p.columns[side] for p in properties if side in p.columns)
    read = (path for column in columns for path in (*column.paths, *column.context))
    return tuple(dict.fromkeys((*read, *more)))
