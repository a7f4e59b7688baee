"""Every row of the shipped agreement, on every side that receives it: what is sent reads back as what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest

from mapping.systems import SHIPPED, SYSTEMS
from syncline.mapping.lenses import Mapped
from syncline.mapping.load import load_flows
from syncline.mapping.model import Column, Flow, Property
from syncline.mapping.translate import Known, fields, line_fields, row
from syncline.mapping.types import Code, CodeTable, Kind
from syncline.records import Record, Ref, Value, Values

FLOWS = load_flows(SHIPPED, SYSTEMS)
TABLES = {table for flow in FLOWS.values() for side in flow.sides for table in flow.tables(side)}
LINKED = ("customers", "products")
KNOWN = Known(
    links={Ref(flow, side, f"{flow}-{side}"): f"link-{flow}" for flow in LINKED for side in SYSTEMS},
    by_key={("customers", "businesscentral", "companyContact", "CT1"): "link-customers"},
    members={(f"link-{flow}", side): f"{flow}-{side}" for flow in LINKED for side in SYSTEMS},
    keys={("link-customers", "businesscentral", "companyContact"): "CT1"},
    codes={
        ("businesscentral", table): CodeTable.of(
            [Code(f"{table}-1", "ONE", "products-businesscentral" if table == "itemVariants" else None)]
        )
        for table in TABLES
    },
)
WORDS = ["ONE", "Obere Str. 57", "ab 1", "DE", "+49301234567", "Ünïted & Söns", "é" * 30]


def cases() -> Iterator[tuple[str, str, str, bool]]:
    for flow in FLOWS.values():
        for rows, of_lines in ((flow.properties, False), (flow.lines.properties if flow.lines else {}, True)):
            for name, p in rows.items():
                for side in sorted(p.targets):
                    yield flow.name, name, side, of_lines


def values_of(p: Property, side: str) -> list[Value]:
    """Values that this property may have, an empty one among them."""
    column = p.columns[side]
    if p.reference is not None:
        return [f"link-{p.reference.flow}", None]
    if any(c.table for c in p.columns.values()):
        return ["one", "ONE", None]
    for lens in (c.lens for c in p.columns.values()):
        if isinstance(lens, Mapped) and not lens.otherwise:
            return [*lens.raw, None]
    return [*_BY_KIND[p.kind], None] if p.kind is not Kind.ENUM else [*_members(column), None]


def _members(column: Column) -> tuple[str, ...]:
    return column.type.members


_BY_KIND: Mapping[Kind, list[Value]] = {
    Kind.TEXT: [*WORDS],
    Kind.DECIMAL: [Decimal("12.345678"), Decimal(0), Decimal("-3"), Decimal(10) ** 9],
    Kind.INTEGER: [0, 7],
    Kind.BOOLEAN: [True, False],
    Kind.DATE: ["2024-02-29"],
    Kind.LIST: ["103001, 103002"],
}


def through(flow: Flow, name: str, side: str, of_lines: bool, values: Values) -> Values:
    """The values after they were sent to a side and read there."""
    send = line_fields if of_lines else fields
    sent = send(flow, side, values, KNOWN, creating=False)
    assert (sent.problems, sent.waits, sent.missing_codes) == ({}, (), ())
    held = sent.fields
    if of_lines and flow.lines is not None:
        held = {flow.lines.paths[side]: [{"id": "1"} | held]}
    seen = row(flow, side, Record(id="1", version=None, modified=None, fields=held), KNOWN)
    assert (seen.problems, seen.waits) == ({}, ())
    if of_lines:
        assert isinstance(seen.lines, tuple)
        return seen.lines[0].values
    return seen.values


@pytest.mark.parametrize(("flow_name", "name", "side", "of_lines"), list(cases()))
def test_what_is_sent_reads_back(flow_name: str, name: str, side: str, of_lines: bool) -> None:
    flow = FLOWS[flow_name]
    rows = flow.lines.properties if of_lines and flow.lines else flow.properties
    p = rows[name]
    beside: Values = {"product": "link-products"} if p.columns[side].within else {}
    if (context := p.columns[side].context) and "ountry" in context[0]:
        country = next(q.name for q in flow.properties.values() if q.columns[side].paths == context)
        beside = {country: "DE"}
    for value in values_of(p, side):
        held = through(flow, name, side, of_lines, {**beside, name: value})[name]
        assert held == p.normal(side, value)
        assert p.normal(side, held) == held
        assert through(flow, name, side, of_lines, {**beside, name: held})[name] == held
