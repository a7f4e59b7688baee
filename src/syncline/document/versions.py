"""What two versions of the document agree on differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from syncline.document.model import Document, Row, Section

Kind: TypeAlias = Literal["added", "removed", "changed"]


class Change(Struct, frozen=True, kw_only=True):
    """``flow`` is empty where it is about the whole document, ``row`` where it is about a whole flow. ``what`` is what
    of it changed, in words; with ``added`` and ``removed`` only one of ``old`` and ``new`` is filled.
    """

    kind: Kind
    flow: str
    row: str
    what: str
    old: str
    new: str


def changes(old: Document, new: Document) -> tuple[Change, ...]:
    """In the order of the new document, what is gone last. The time it was made, and examples, are no agreement."""
    return tuple(_document(old, new))


def _document(old: Document, new: Document) -> Iterator[Change]:
    yield from _changed("", "", "title", old.title, new.title)
    yield from _changed("", "", "introduction", "\n".join(old.introduction), "\n".join(new.introduction))
    yield from _changed("", "", "systems", ", ".join(old.sides.values()), ", ".join(new.sides.values()))
    before = {section.flow: section for section in old.sections}
    for section in new.sections:
        if section.flow in before:
            yield from _section(before[section.flow], section, new)
        else:
            yield Change(kind="added", flow=section.flow, row="", what="flow", old="", new=section.title)
    now = {section.flow for section in new.sections}
    for flow, section in before.items():
        if flow not in now:
            yield Change(kind="removed", flow=flow, row="", what="flow", old=section.title, new="")


def _section(old: Section, new: Section, document: Document) -> Iterator[Change]:
    flow = new.flow
    yield from _changed(flow, "", "title", old.title, new.title)
    yield from _phrases(flow, "", "about", old.about, new.about)
    yield from _phrases(flow, "", "terms", old.terms, new.terms)
    yield from _rows(flow, "", old.rows, new.rows, document)
    yield from _changed(flow, "", "lines", old.lines_title, new.lines_title)
    yield from _rows(flow, "line ", old.lines, new.lines, document)


def _rows(flow: str, prefix: str, old: tuple[Row, ...], new: tuple[Row, ...], document: Document) -> Iterator[Change]:
    before, now = {row.name: row for row in old}, {row.name: row for row in new}
    for name, row in now.items():
        if name in before:
            yield from _row(flow, prefix + name, before[name], row, document.sides)
        else:
            yield Change(kind="added", flow=flow, row=prefix + name, what="property", old="", new=_told(row))
    for name, row in before.items():
        if name not in now:
            yield Change(kind="removed", flow=flow, row=prefix + name, what="property", old=_told(row), new="")


def _row(flow: str, name: str, old: Row, new: Row, titles: Mapping[str, str]) -> Iterator[Change]:
    for side in dict.fromkeys((*old.cells, *new.cells)):
        title = titles.get(side, side)
        before, now = old.cells.get(side), new.cells.get(side)
        places = (before.place if before else "", now.place if now else "")
        yield from _changed(flow, name, f"{title} property", *places)
        yield from _changed(flow, name, f"{title} data type", before.type if before else "", now.type if now else "")
    yield from _changed(flow, name, "direction", old.arrow, new.arrow)
    yield from _phrases(flow, name, "rules", old.rules, new.rules)


def _phrases(flow: str, row: str, what: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Change]:
    """Only the phrases that came or went."""
    gone, come = [p for p in old if p not in new], [p for p in new if p not in old]
    yield from _changed(flow, row, what, "; ".join(gone), "; ".join(come))


def _changed(flow: str, row: str, what: str, old: str, new: str) -> Iterator[Change]:
    if old != new:
        yield Change(kind="changed", flow=flow, row=row, what=what, old=old, new=new)


def _told(row: Row) -> str:
    """A row in one line."""
    return f" {row.arrow} ".join(cell.place for cell in row.cells.values())
