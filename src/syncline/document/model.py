"""The dataflow document as data: what every rendering shows, and what two versions are compared by.

Everything is text for people already. As JSON it can be kept, and read back (`parse`) to be compared with a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

Phrases: TypeAlias = tuple[str, ...]


class Cell(Struct, frozen=True, kw_only=True):
    """Where one side keeps a property (``address.street``, ``(constant)``), and as what (``Text[100]``)."""

    place: str
    type: str


class Row(Struct, frozen=True, kw_only=True):
    """A property. ``cells`` are by side; a side that does not keep it is absent.

    ``direction`` is ``both``, ``right`` (the first side owns it) or ``left`` (the others do). ``rules`` is all else
    that was agreed on. ``example`` is a value from a live record, where that was asked for.
    """

    name: str
    cells: Mapping[str, Cell]
    direction: str
    rules: Phrases = ()
    example: str = ""

    @property
    def arrow(self) -> str:
        return {"both": "↔", "right": "→", "left": "←"}[self.direction]


class Section(Struct, frozen=True, kw_only=True):
    """A flow.

    ``about`` is what is synchronised with what; ``terms`` which records take part, how they are matched, and what a
    deletion does. ``lines`` are the rows inside a line; empty where the flow has none.
    """

    flow: str
    title: str
    about: Phrases
    terms: Phrases
    rows: tuple[Row, ...]
    lines_title: str = ""
    lines: tuple[Row, ...] = ()


class Document(Struct, frozen=True, kw_only=True):
    """``sides`` are the systems' titles by their names, the left one first.

    ``agreement`` are the flow files that it was made from, by their names: what was signed is what can be tested.
    """

    title: str
    made: datetime
    introduction: Phrases
    sides: Mapping[str, str]
    sections: tuple[Section, ...]
    agreement: Mapping[str, str] = {}

    @property
    def first(self) -> str:
        return next(iter(self.sides))

    @property
    def has_examples(self) -> bool:
        return any(row.example for section in self.sections for row in (*section.rows, *section.lines))


def to_json(document: Document) -> bytes:
    return msgspec.json.encode(document)


def parse(text: bytes | str) -> Document:
    """A document that was kept as JSON. Raises ``msgspec.DecodeError``, of which a ``ValidationError`` is one."""
    return msgspec.json.decode(text, type=Document)
