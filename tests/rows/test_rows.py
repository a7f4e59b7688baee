"""Every row of the flow files, from each side it may start from: set there, read on the other, both by plain HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.pair import Pair, pair
from rows.values import LINE_VALUES, VALUES, Code, Record, Spelled
from syncline.connectors.businesscentral.schema import entity_type
from syncline.connectors.rest import declaration
from syncline.mapping.load import load_flows
from syncline.mapping.model import Column, Flow, Property

_PACKAGE = Path(declaration.__file__).parents[2]
_ERP = declaration.load(_PACKAGE / "connectors" / "declarations" / "customerp.yaml")
FLOWS = load_flows(
    sorted((_PACKAGE / "flows").glob("*.yaml")), {"customerp": _ERP.entity_type, "businesscentral": entity_type}
)
_SIDES = ("customerp", "businesscentral")


class Case(NamedTuple):
    """One row, and the side it starts from."""

    flow: str
    row: Property
    side: str
    line: bool

    @property
    def spelled(self) -> Spelled:
        return LINE_VALUES[self.row.name] if self.line else VALUES[self.flow][self.row.name]

    def __str__(self) -> str:
        return f"{'line ' if self.line else ''}{self.row.name} from {self.side}"


def cases(flow: Flow) -> list[Case]:
    """Rows whose value is not just sent with a new record: those have a test of their own."""
    rows = [(p, False) for p in flow.properties.values()]
    rows += [(p, True) for p in flow.lines.properties.values()] if flow.lines else []
    return [
        Case(flow.name, p, side, line)
        for p, line in rows
        if not p.when_create
        for side in _SIDES
        if side in p.sources and len(p.targets) > 1
    ]


def test_every_row_has_a_value() -> None:
    for name, flow in FLOWS.items():
        told = {c.row.name for c in cases(flow) if not c.line}
        assert told == VALUES[name].keys()
    lines = {c.row.name for c in cases(FLOWS["orders"]) if c.line}
    assert lines - {"kind"} == LINE_VALUES.keys()  # a line keeps its kind; each kind is made in the test of lines


class World:
    """Two linked systems, and the ids of what the test refers to by name."""

    def __init__(self, both: Pair) -> None:
        self.both = both
        self.erp: dict[str, str] = {}
        self.central: dict[str, str] = {}
        self.codes: dict[Code, str] = {}
        self.company: dict[str, str] = {}
        """The company contact of each customer, by the customer's id in Business Central."""

    async def make_others(self) -> None:
        erp = self.both.erp
        for name in ("base", "other"):
            number = {"organisationNumber": f"ORG-{name}"}
            self.erp[name] = (await erp.create("customers", {"name": name, **number}))["id"]
        for name in ("item", "thing"):
            told = {"sku": name.upper(), "name": name, "kind": "stock", "category": "MISC", "unit": "PCS", "price": 3}
            self.erp[name] = (await erp.create("products", told))["id"]
        await self.both.sync()
        central = self.both.central
        for customer in await central.all("customers", "$expand=contactsInformation"):
            self.central[customer["displayName"]] = customer["id"]
            contacts = [row for row in customer["contactsInformation"] if row["contactType"] == "Company"]
            self.company[customer["id"]] = contacts[0]["contactNumber"]
        for item in await central.all("items"):
            self.central[item["displayName"]] = item["id"]
        boxes = [{"item": name.upper(), "unit": "BOX", "quantity": 12} for name in ("item", "thing")]
        await self.both.set_up(itemUnits=boxes)
        for name in ("item", "thing"):
            await central.create("itemVariants", {"itemId": self.central[name], "code": "RED", "description": "in red"})
        for table in ("paymentTerms", "paymentMethods", "shipmentMethods", "taxAreas", "locations"):
            for row in await central.all(table):
                self.codes[Code(table, row["code"])] = row["id"]
        for row in await central.all("itemVariants"):
            if row["itemId"] == self.central["item"]:
                self.codes[Code("itemVariants", row["code"])] = row["id"]

    def spell(self, side: str, value: Any, by_contact: bool = False) -> Any:
        """A value as the side wants it: ids of its own."""
        if isinstance(value, Record):
            id_ = (self.erp if side == "customerp" else self.central)[value.name]
            return self.company[id_] if by_contact and side == "businesscentral" else id_
        return self.codes[value] if isinstance(value, Code) else value


def nested(column: Column, value: Any) -> dict[str, Any]:
    """The JSON that sets a column."""
    fields: dict[str, Any] = {}
    for path, part in zip(column.paths, value if isinstance(value, tuple) else (value,), strict=True):
        head, _, rest = path.partition(".")
        fields[head] = {**fields.get(head, {}), rest: part} if rest else part
    return fields


def held(column: Column, record: Mapping[str, Any]) -> Any:
    """What a record holds there."""
    found = []
    for path in column.paths:
        at: Any = record
        for key in path.split("."):
            at = at.get(key) if isinstance(at, Mapping) else None
        found.append(at)
    return found[0] if len(found) == 1 else tuple(found)


def base(flow: str, n: int, world: World) -> dict[str, Any]:
    """A new record in Customerp, as plain as can be."""
    match flow:
        case "customers":
            return {"name": f"Customer {n}", "organisationNumber": f"ORG{n}"}
        case "products":
            return {"sku": f"S{n}", "name": f"Product {n}", "kind": "stock", "category": "MISC", "unit": "PCS"}
        case "contacts":
            told = {"firstName": "Person", "lastName": f"No{n}", "email": f"p{n}@p.example"}
            return {**told, "customerId": world.erp["base"]}
        case _:
            line = {"productId": world.erp["item"], "quantity": 4, "unit": "PCS", "unitPrice": 100}
            return {"orderNo": f"SO{n}", "customerId": world.erp["base"], "lines": [line]}


@pytest.mark.parametrize("name", FLOWS)
async def test_rows(name: str, tmp_path: Path) -> None:
    flow = FLOWS[name]
    entity = {side: flow.sides[side].entity for side in _SIDES}
    wrong: dict[str, str] = {}
    async with pair(tmp_path) as both:
        world = World(both)
        await world.make_others()
        made = [
            (case, (await both.erp.create(entity["customerp"], base(name, n, world)))["id"])
            for n, case in enumerate(cases(flow))
            if case.row.name != "kind" or not case.line
        ]
        await both.sync()
        ids = await linked(both, name)
        for case, ours in made:
            try:
                await edit(world, flow, case, ours, ids[ours])
            except Exception as error:  # each row is reported by itself
                wrong[str(case)] = f"cannot be set: {error}"
        await both.sync()
        parked = {parked.ref.id: parked.message for parked in both.parked()}
        for case, ours in made:
            if str(case) in wrong:
                continue
            found, expected = await told(world, flow, case, ours, ids[ours])
            if found != expected:
                why = parked.get(ours) or parked.get(ids[ours]) or ""
                wrong[str(case)] = f"{found!r} instead of {expected!r} {why}"
    assert not wrong, "\n".join(f"{row}: {why}" for row, why in wrong.items())


async def linked(both: Pair, flow: str) -> dict[str, str]:
    """The id in Business Central by that in Customerp."""
    async with both.setup() as setup:
        pairs = setup.store.pairs(flow, None, 10_000)
    return {p.link.members["customerp"]: p.link.members["businesscentral"] for p in pairs}


async def edit(world: World, flow: Flow, case: Case, ours: str, theirs: str) -> None:
    """Set the row's value on the side that it starts from."""
    both, column = world.both, case.row.columns[case.side]
    value = case.spelled[_SIDES.index(case.side)]
    fields = nested(column, world.spell(case.side, value, by_contact="companyNumber" in column.paths))
    entity = flow.sides[case.side].entity
    if case.side == "customerp":
        if case.line:
            (line,) = (await both.erp.get(entity, ours))["lines"]
            fields = {"lines": [{**line, **fields}]}
        await both.erp.change(entity, ours, fields)
    elif case.line:
        (line,) = await both.central.all("salesOrderLines", f"$filter=documentId eq {theirs}")
        await both.central.change("salesOrderLines", line["id"], fields)
    else:
        await both.central.change(entity, theirs, fields)


async def told(world: World, flow: Flow, case: Case, ours: str, theirs: str) -> tuple[Any, Any]:
    """What the other side holds, and what it should."""
    both = world.both
    other = next(side for side in _SIDES if side != case.side)
    column = case.row.columns[other]
    expected = world.spell(other, case.spelled[_SIDES.index(other)], by_contact="companyNumber" in column.paths)
    if case.side == "businesscentral" and isinstance(expected, str) and column.type.kind != "enum":
        sent = case.spelled[1]  # what starts in Business Central is spelled by it: codes are upper case there
        expected = sent if isinstance(sent, str) else expected
    entity = flow.sides[other].entity
    if other == "customerp":
        record = await both.erp.get(entity, ours)
        record = record["lines"][0] if case.line else record
    elif case.line:
        (record,) = await both.central.all("salesOrderLines", f"$filter=documentId eq {theirs}")
    else:
        record = await both.central.get(entity, theirs)
    return held(column, record), expected
