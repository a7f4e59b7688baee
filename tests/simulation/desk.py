"""A system as people and the judge see it, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from msgspec import Struct

from simulation.agreement import Cell
from syncline.records import LineWrite

Derived = Callable[[str, str, str | None, str, object, object], None]


class Denied(Exception):
    """The system will not have it."""

    def __init__(self, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class Style(Struct, frozen=True, kw_only=True):
    """The peculiarities of one side."""

    PLAIN: ClassVar[Mapping[str, Any]] = {}
    """What each is where it plays no part."""


class Created(Protocol):
    @property
    def fields(self) -> Mapping[str, Any]: ...


class Held(Created, Protocol):
    """A record as it is now. Each line has its ``id`` there, too."""

    @property
    def lines(self) -> Sequence[Mapping[str, Any]]: ...


class Desk(Protocol):
    """``derived`` is to be told what the system itself puts in the place of something else."""

    side: str
    derived: Derived

    @property
    def held(self) -> Mapping[str, Mapping[str, Held]]:
        """By entity and id."""

    def records(self, entity: str) -> Iterator[tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]]: ...

    def named(self, entity: str, trace: str) -> list[str]:
        """The ids of the records with this trace: one, if all is well."""

    def trace_of(self, entity: str, id_: str) -> str | None:
        """Of a record that there is, or was."""

    def meant(self, cell: Cell, value: object) -> str | None:
        """The trace of the record that a reference points to, or pointed to."""

    def create(self, entity: str, fields: Mapping[str, Any], *, hidden: float) -> Created:
        """Raises `Denied`, as all that follow."""

    def update(
        self, entity: str, id_: str, fields: Mapping[str, Any], lines: Sequence[LineWrite] = (), *, hidden: float = 0
    ) -> object: ...

    def delete(self, entity: str, id_: str, *, hidden: float) -> None: ...

    def swap_lines(self, entity: str, id_: str, first: int) -> None:
        """Move a line up."""
