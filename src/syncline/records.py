"""The words everyone uses.

A *record* is held by one system, spelled in that system's own JSON. Translated by a flow's mapping it becomes a
*row*: the same content in the shared shape, where every side spells a property alike. A *link* joins one record per
side; a *shadow* is a row as one side was last known to hold it. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from msgspec import UNSET, Struct, UnsetType

Value: TypeAlias = bool | int | Decimal | str | None
"""A value in the shared shape. Text is never blank: what is empty is ``None``. Dates are ISO 8601 text. Numbers are
equal as numbers. A reference is the id of the link it points to. A list is its members joined by a comma and space."""

Fields: TypeAlias = Mapping[str, Any]
"""A record's JSON as its own system spells it: nested objects and arrays, numbers with a fraction as ``Decimal``."""

Values: TypeAlias = Mapping[str, Value]
"""Shared values by the property's name in the flow."""


class Ref(Struct, frozen=True, order=True, gc=False):
    """One record of one side of one flow. ``id`` is the system's own."""

    flow: str
    side: str
    id: str

    def __str__(self) -> str:
        return f"{self.side}/{self.flow}/{self.id}"


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """A record as a system told it.

    ``version`` is what a later write must carry to be refused when the record has moved (an etag).
    ``modified`` is the system's own time of the last change, in UTC.
    A ``partial`` record tells only the properties it has; in any other, a property that is absent is empty.
    A ``closed`` record can no longer be written (an order that was fully invoiced).
    """

    id: str
    version: str | None
    modified: datetime | None
    fields: Fields
    partial: bool = False
    closed: bool = False


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a record's keyed collection, translated. ``id`` is the side's own."""

    id: str
    version: str | None = None
    values: Values


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """A record in the shared shape.

    A property that is absent from ``values`` is not known (a partial record), which is not the same as empty.
    ``lines`` keep the order the side shows them in; ``UNSET`` where the flow has none or the record did not tell.
    ``waits`` names the references that no link answers yet; ``problems`` what could not be translated, by property.
    """

    values: Values
    lines: tuple[Line, ...] | UnsetType = UNSET
    waits: tuple[Ref, ...] = ()
    problems: Mapping[str, str] = {}


class LineShadow(Struct, frozen=True, kw_only=True, gc=False):
    """A line as one side was last known to hold it. ``line`` is the same on every side of the link."""

    line: str
    id: str
    version: str | None = None
    values: Values
    behind: frozenset[str] = frozenset()
    """As of a `Shadow`."""


class Shadow(Struct, frozen=True, kw_only=True, gc=False):
    """A record as one side was last known to hold it, in the shared shape. See `Row` for absent values."""

    version: str | None
    modified: datetime | None = None
    values: Values = {}
    lines: tuple[LineShadow, ...] = ()
    behind: frozenset[str] = frozenset()
    """The properties of which this side is still to be given what others have: of several writes, that to it failed."""


class LinkState(StrEnum):
    ACTIVE = "active"
    RESTING = "resting"
    """One record no longer takes part (it left the flow's ``where``): linked, but not synchronised."""
    COMPLETED = "completed"
    """One side has closed the record for good (an order fully invoiced): kept for history, no longer written."""


class Link(Struct, frozen=True, kw_only=True, gc=False):
    """That these records are the same one. ``members`` is the record id by side."""

    id: str
    flow: str
    members: Mapping[str, str]
    state: LinkState = LinkState.ACTIVE

    @property
    def refs(self) -> list[Ref]:
        return [Ref(self.flow, side, id_) for side, id_ in self.members.items()]


class Answer(Struct, frozen=True, kw_only=True):
    """What a person said that a property of a link (of its ``line``) shall be: the next turn does it.

    ``seen`` are the values by side that the person was shown; where a side holds another by then, the answer is void.
    ``note`` is what the journal says of it, ``by`` who said it.
    """

    link: str
    property: str
    line: str | None = None
    value: Value
    seen: Values
    note: str
    at: datetime
    by: str | None = None


# --- What is asked of a system


class LineAdd(Struct, frozen=True, kw_only=True, tag="add"):
    """A new line, to stand right after the line with the id ``after`` (``None``: first)."""

    fields: Fields
    after: str | None


class LineChange(Struct, frozen=True, kw_only=True, tag="change"):
    id: str
    version: str | None
    fields: Fields


class LineRemove(Struct, frozen=True, kw_only=True, tag="remove"):
    id: str
    version: str | None


LineWrite: TypeAlias = LineAdd | LineChange | LineRemove


class Create(Struct, frozen=True, kw_only=True, gc=False, tag="create"):
    """A new record. ``key`` is ours alone: a system that takes an idempotency key is sent it. ``lines`` keep order."""

    key: str
    fields: Fields
    lines: tuple[Fields, ...] = ()


class Update(Struct, frozen=True, kw_only=True, gc=False, tag="update"):
    """Changed properties only. ``version`` is the one the decision was made on."""

    id: str
    version: str | None
    fields: Fields
    lines: tuple[LineWrite, ...] = ()


class Delete(Struct, frozen=True, kw_only=True, tag="delete"):
    id: str
    version: str | None


Write: TypeAlias = Create | Update | Delete


# --- What became of it


class Done(Struct, frozen=True, kw_only=True, gc=False, tag="done"):
    """The write stands.

    ``answer`` is the write's own answer (``None`` after a delete), whose values become the shadow of what was written.
    ``seen`` is a later read of the whole record where the answer alone does not tell all (the order after its lines
    changed): it counts as an observation, so an edit that a person made in between is not swallowed.
    ``added`` are the ids of the lines that were added, in the order in which they were asked for.
    """

    answer: Record | None
    seen: Record | None = None
    added: tuple[str, ...] = ()


class Stale(Struct, frozen=True, tag="stale"):
    """The record has moved since it was read (409/412): read again, decide again. Nothing was written."""

    message: str


class Gone(Struct, frozen=True, tag="gone"):
    """The record is no longer there (404). Nothing was written."""

    message: str


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """The system will not have it, in its own words. Trying again unchanged is useless.

    ``partly`` says that something of it was written before the refusal (some lines of an order): look before deciding.
    """

    code: str
    message: str
    property: str | None = None
    partly: bool = False


class Unavailable(Struct, frozen=True, kw_only=True, tag="unavailable"):
    """It certainly was not written, and may pass by itself (429, 503, no connection). Seconds to wait, where told."""

    message: str
    retry_after: float | None = None


class Unknown(Struct, frozen=True, tag="unknown"):
    """It may or may not have been written (a lost answer, a 5xx): find out by looking, never by sending again."""

    message: str


Outcome: TypeAlias = Done | Stale | Gone | Refused | Unavailable | Unknown
