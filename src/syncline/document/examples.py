"""Examples for the document: values that some record holds now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from syncline.document.model import Document, Row, Section
from syncline.engine.knowing import Knowing
from syncline.engine.setup import Setup, identities, view
from syncline.mapping.model import Flow, Property
from syncline.mapping.translate import row, takes_part
from syncline.records import Value, Values

_LONGEST = 60
"""An example shows what a value is like; more of it would only make the table wide."""


async def with_examples(document: Document, setup: Setup) -> Document:
    """The same document with a value for each property that some record of a first page of either side fills.

    Changes nothing anywhere. Raises `ConnectorError` and `EngineError`.
    """
    await identities(setup)
    sections = [await _section(section, setup) for section in document.sections]
    return replace(document, sections=tuple(sections))


async def _section(section: Section, setup: Setup) -> Section:
    flow = setup.flows[section.flow]
    headers: dict[str, Value] = {}
    lines: dict[str, Value] = {}
    for side in flow.sides:
        for values, below in await _page(flow, side, setup):
            _fill(headers, values)
            for line in below:
                _fill(lines, line)
    return replace(
        section,
        rows=_shown(section.rows, flow.properties, headers),
        lines=_shown(section.lines, flow.lines.properties if flow.lines else {}, lines),
    )


async def _page(flow: Flow, side: str, setup: Setup) -> list[tuple[Values, list[Values]]]:
    """What the first page tells of each record, and of its lines."""
    page = await anext(setup.systems[side].changes(view(flow, side), None))
    records = [record for record in page.records if takes_part(flow.sides[side], record)]
    known = await Knowing(setup).to_read(flow, ((side, record) for record in records))
    rows = [row(flow, side, record, known) for record in records]
    return [(each.values, [line.values for line in each.lines or ()]) for each in rows]


def _fill(found: dict[str, Value], values: Values) -> None:
    """The first record that fills a property is its example."""
    for name, value in values.items():
        if value is not None:
            found.setdefault(name, value)


def _shown(rows: Iterable[Row], properties: Mapping[str, Property], found: Values) -> tuple[Row, ...]:
    """A reference is a link's id, which tells people nothing."""
    return tuple(
        replace(each, example=_text(found[each.name]))
        if each.name in found and properties[each.name].reference is None
        else each
        for each in rows
    )


def _text(value: Value) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case _:
            text = str(value)
            return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
