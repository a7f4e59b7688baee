"""The shipped agreement has exactly the rows of the agreed tables, and its schema is current."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mapping.systems import SHIPPED, SYSTEMS
from syncline.mapping.load import load_flows
from syncline.mapping.model import Flow, Property
from syncline.mapping.schema import SCHEMA_FILE, json_schema, published

TABLES = Path(__file__).parents[3] / "shared" / "flows.md"
_ADDRESS = ("street", "street2", "city", "region", "postalCode", "country")
_WORD = re.compile(r"[A-Za-z][\w.]*\*?")


@pytest.fixture(scope="module")
def flows() -> Mapping[str, Flow]:
    return load_flows(SHIPPED, SYSTEMS)


def test_the_schema_is_current() -> None:
    assert SCHEMA_FILE.read_bytes() == published(), "run: python -m syncline.mapping.schema"


def test_every_shipped_flow_names_its_schema() -> None:
    assert {path.stem for path in SHIPPED} == {"contacts", "customers", "orders", "products"}
    assert all(path.read_text().startswith("# yaml-language-server: $schema=flow.schema.json\n") for path in SHIPPED)


def test_flows_stand_in_the_order_of_their_references(flows: Mapping[str, Flow]) -> None:
    order = list(flows)
    assert order.index("customers") < order.index("contacts")
    assert max(order.index("customers"), order.index("products")) < order.index("orders")


def test_match_keys(flows: Mapping[str, Flow]) -> None:
    told = {
        name: [("?" if key.suggest else "") + "+".join(key.properties) for key in flow.match]
        for name, flow in flows.items()
    }
    assert told == {
        "customers": ["organisationNumber", "number", "email", "?name+postalCode"],
        "contacts": ["email", "mobile", "name+customer"],
        "orders": ["orderNo"],
        "products": ["sku", "barcode"],
    }


# --- row by row, against the tables


class Agreed:
    """One line of a table: the left paths, the words on the right, and the arrow between."""

    def __init__(self, left: str, between: str, right: str) -> None:
        self.lines = left.startswith("lines[]:")
        self.left = list(_left(left.removeprefix("lines[]:")))
        self.right = set(_WORD.findall(re.sub(r"\([^)]*\)|=.*|:.*|….*", "", right)))
        self.arrow = next((arrow for arrow in ("->", "<-") if arrow in between), "")
        self.on_create = "on create" in between


def _left(cell: str) -> Iterator[str]:
    """``soldTo.street, street2`` are paths below one object; ``totals (net, tax)`` too; notes in brackets are none."""
    cell = cell.replace("company name", "companyName")
    cell = re.sub(r"totals \(([^)]*)\)", lambda m: ", ".join(f"totals.{w.strip()}" for w in m[1].split(",")), cell)
    within = ""
    for word in _WORD.findall(re.sub(r"\([^)]*\)", "", cell)):
        if word == "address.*":
            yield from (f"address.{part}" for part in _ADDRESS)
            continue
        within = "" if word == "invoiceNumbers" else word.rpartition(".")[0] or within
        yield word if "." in word or not within else f"{within}.{word}"


def agreed() -> dict[str, list[Agreed]]:
    found: dict[str, list[Agreed]] = {}
    name = ""
    for line in TABLES.read_text().splitlines():
        if heading := re.match(r"## \d\. .*\(`(\w+)`", line):
            name = {"items": "products", "salesOrders": "orders"}.get(heading[1], heading[1])
        elif line.startswith("## "):
            name = ""
        elif name and line.startswith("| ") and "---" not in line and "| Business Central |" not in line:
            left, between, right, *_ = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(name, []).append(Agreed(left, between, right))
    return found


@pytest.fixture(scope="module")
def tables() -> dict[str, list[Agreed]]:
    if not TABLES.exists():
        pytest.skip("the agreed tables (../shared/flows.md) are not beside this repository")
    return agreed()


def by_path(rows: Mapping[str, Property]) -> dict[str, Property]:
    """Rows by the path on the left; a path that is only read again for a default is not its row."""
    held: dict[str, Property] = {}
    for p in rows.values():
        for path in p.columns["customerp"].paths if "customerp" in p.columns else ():
            held.setdefault(path, p)
    return held


NOT_ON_THE_LEFT = {"companyContact", "generalProductPostingGroup", "inventoryPostingGroup"}


@pytest.mark.parametrize("name", ["customers", "contacts", "orders", "products"])
def test_exactly_the_rows_of_the_table(name: str, flows: Mapping[str, Flow], tables: dict[str, list[Agreed]]) -> None:
    flow = flows[name]
    inside = flow.lines.properties if flow.lines else {}
    for rows, of_lines in ((flow.properties, False), (inside, True)):
        told = [path for row in tables[name] if row.lines == of_lines for path in row.left]
        kept = [path for p in rows.values() if p.name not in NOT_ON_THE_LEFT for path in p.columns["customerp"].paths]
        assert kept == told


@pytest.mark.parametrize("name", ["customers", "contacts", "orders", "products"])
def test_directions_and_what_is_sent_on_create(
    name: str, flows: Mapping[str, Flow], tables: dict[str, list[Agreed]]
) -> None:
    flow = flows[name]
    header, inside = by_path(flow.properties), by_path(flow.lines.properties if flow.lines else {})
    for row in tables[name]:
        for path in row.left:
            p = (inside if row.lines else header)[path]
            arrow = "" if len(p.sources) > 1 else "->" if "customerp" in p.sources else "<-"
            assert (path, arrow, p.when_create) == (path, row.arrow, row.on_create)


@pytest.mark.parametrize("name", ["customers", "contacts", "orders", "products"])
def test_every_word_on_the_right_is_mapped(
    name: str, flows: Mapping[str, Flow], tables: dict[str, list[Agreed]]
) -> None:
    flow = flows[name]
    rows = [*flow.properties.values(), *(flow.lines.properties.values() if flow.lines else ())]
    mapped = {path for p in rows for path in p.columns["businesscentral"].paths if "businesscentral" in p.columns}
    mapped |= flow.sides["businesscentral"].constants.keys()
    mapped |= {"salesInvoices.number", "and", "completion", "by", "invoice"}  # the connector tells these as its own
    mapped |= {"total*"}
    assert {word for row in tables[name] for word in row.right} <= mapped


def test_finance_is_preferred_where_it_owns_the_value(flows: Mapping[str, Flow]) -> None:
    preferred = {p.name for p in flows["customers"].properties.values() if p.conflict.side == "businesscentral"}
    assert preferred == {"currency", "paymentTerms", "creditLimit", "hold"}


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "flows.md").read_text()
    types = json_schema()["$defs"]
    keys = {key for said in types.values() for key in said.get("properties", {})}
    words = {word for said in types.values() for word in said.get("enum", [])}
    assert {word for word in keys | words if f"`{word}`" not in page and f"{{{word}:" not in page} == set()
