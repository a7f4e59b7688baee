"""The OpenAPI document is true: it names what flows need, and says valid exactly where the server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_customerp.erp import Erp, running
from sandbox_customerp.schema_check import Schemas
from syncline.connectors.rest import declaration as declared
from syncline.mapping.types import Kind
from syncline.sandbox.customerp.command import customerp_command

_PLACE = "street street2 city region postalCode country"
_ADDRESS = " ".join(f"address.{part}" for part in _PLACE.split())
PROPERTIES = {
    "Customer": f"customerNo name {_ADDRESS} phone email website organisationNumber currency paymentTerms paymentMethod"
    " deliveryTerms salesperson creditLimit taxable taxArea hold balanceDue overdue",
    "Contact": f"contactNo firstName lastName jobTitle customerId companyName {_ADDRESS} phone mobile email website"
    " doNotContact searchName organisationNumber lastContacted",
    "Order": "orderNo bcNumber customerId billToCustomerId orderDate postingDate requestedDelivery "
    + " ".join(f"soldTo.{part}" for part in _PLACE.split())
    + " department project shipTo.name shipTo.contact "
    + " ".join(f"shipTo.{part}" for part in _PLACE.split())
    + " currency paymentTerms deliveryTerms salesperson pricesIncludeTax allowPartialShipping discountAmount phone"
    " email status fullyShipped totals.net totals.tax totals.gross invoiceNumbers lines",
    "OrderLine": "productId kind description description2 quantity unit unitPrice discountPercent deliveryDate taxCode"
    " variant location toShip toInvoice discountAmount shipped invoiced net tax",
    "Product": "sku name name2 kind category barcode unit price priceIncludesTax cost taxGroup active stock",
}
ENTITIES = {"customers": "Customer", "contacts": "Contact", "orders": "Order", "products": "Product"}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    """A sandbox with its invented company."""
    with running(tmp_path_factory.mktemp("company"), "--open") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def document(company: Erp) -> dict[str, Any]:
    return company.get("/openapi.json").record


@pytest.fixture(scope="module")
def schemas(document: dict[str, Any]) -> Schemas:
    return Schemas(document)


def paths(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, said in schema["properties"].items():
        if "properties" in said:
            yield from ((f"{name}.{inner}", told) for inner, told in paths(said))
        else:
            yield name, said


@pytest.mark.parametrize("title", PROPERTIES)
def test_every_property_of_the_flows_is_described(schemas: Schemas, title: str) -> None:
    told = [name for name, said in paths(schemas.schemas[title]) if not said.get("readOnly")]
    assert sorted(told) == sorted(PROPERTIES[title].split())
    sent = [name for name, _ in paths(schemas.schemas[f"{title}Input"])]
    assert sorted(sent) == sorted([*told, *(["id"] if title == "OrderLine" else [])])
    read_only = {name for name, said in paths(schemas.schemas[title]) if said.get("readOnly")}
    assert read_only == ({"id"} if title == "OrderLine" else {"id", "createdAt", "updatedAt", "etag"})


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_shipped_declaration_says_the_same_types(schemas: Schemas, entity: str) -> None:
    source = Path(declared.__file__).parents[1] / "declarations" / "customerp.yaml"
    said = declared.load(source).entity_type(entity)
    for title, types in ((ENTITIES[entity], said.properties), ("OrderLine", said.lines.get("lines", {}))):
        described = dict(paths(schemas.schemas[title]))
        for path, declared_type in types.items():
            told = described[path]
            of = told["type"] if isinstance(told["type"], str) else told["type"][0]
            assert (of, told.get("format")) in _SPELT[declared_type.kind], path
            if declared_type.kind is Kind.ENUM:
                assert list(declared_type.members) == told["enum"]
            assert declared_type.max_length == told.get("maxLength"), path
            assert declared_type.read_only == told.get("readOnly", False), path


_SPELT: dict[Kind, set[tuple[str, str | None]]] = {
    Kind.TEXT: {("string", None)},
    Kind.ID: {("string", None)},
    Kind.ENUM: {("string", None)},
    Kind.DECIMAL: {("number", "decimal")},
    Kind.BOOLEAN: {("boolean", None)},
    Kind.DATE: {("string", "date")},
    Kind.DATETIME: {("string", "date-time")},
    Kind.LIST: {("array", None)},
}


def test_every_answer_is_as_described(company: Erp, document: dict[str, Any], schemas: Schemas) -> None:
    for entity, title in ENTITIES.items():
        page = company.get(entity, limit=1000).record
        assert len(page["items"]) >= 15
        assert schemas.wrong(page, {"$ref": f"#/components/schemas/{title}Page"}) == []
        for record in page["items"]:
            assert schemas.wrong(record, {"$ref": f"#/components/schemas/{title}"}) == []
    made = company.made("contacts")
    company.delete(f"contacts/{made['id']}")
    for query in ({}, {"expand": "record"}):
        feed = company.get("changes", limit=1000, **query).record
        assert schemas.wrong(feed, {"$ref": "#/components/schemas/ChangePage"}) == []
    for refused in (company.post("customers", {"x": 1}), company.get("nothing"), company.get("customers/nobody")):
        assert schemas.wrong(refused.body, {"$ref": "#/components/schemas/Problem"}) == []


_LONG = 10_000
_VALUES: tuple[Any, ...] = (
    None, "", "x", "x" * _LONG, 0, -1, 12.5, 10**15, -(10**15), True, False, "2026-02-28", "2026-02-30", "2026-2-3",
    "none", "all", "stock", "draft", "product", [], {}, ["x"], [1], [{}], {"x": 1},
)  # fmt: skip


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_document_says_valid_exactly_where_the_server_does(company: Erp, schemas: Schemas, entity: str) -> None:
    title = f"{ENTITIES[entity]}Input"
    record = company.made(entity)
    bodies = [
        {outer: {inner: value}} if inner else {outer: value}
        for path, said in paths(schemas.schemas[title])
        for outer, _, inner in [path.partition(".")]
        for value in (*_VALUES, *_edges(said))
        if not ("x-refers-to" in said and isinstance(value, str))  # whether it is there, no schema can say
    ]
    if entity == "orders":
        lines = list(paths(schemas.schemas["OrderLineInput"]))
        bodies += [
            {"lines": [{name: value}]}
            for name, said in lines
            for value in (*_VALUES, *_edges(said))
            if not (isinstance(value, str) and ("x-refers-to" in said or name == "id"))
        ]
    for body in bodies:
        reply = company.patch(f"{entity}/{record['id']}", body)
        wrong = schemas.wrong(body, {"$ref": f"#/components/schemas/{title}"})
        assert reply.status == (422 if wrong else 200), (body, wrong, reply)


def _edges(said: dict[str, Any]) -> list[str]:
    return ["y" * said["maxLength"], "y" * (said["maxLength"] + 1)] if "maxLength" in said else []


def test_every_address_is_described_and_answers(company: Erp, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert "security" not in document
    lists = (*ENTITIES, "webhooks")
    expected = {"/api/changes", *(f"/api/{name}{rest}" for name in lists for rest in ("", "/{id}"))}
    assert set(document["paths"]) == expected
    operations = [
        (path, method, said) for path, methods in document["paths"].items() for method, said in methods.items()
    ]
    assert len({said["operationId"] for _, _, said in operations}) == len(operations)
    for path, method, said in operations:
        status = company.call(method.upper(), path.replace("{id}", "nobody")).status
        assert str(status) in said["responses"], (path, method, status)
    wrong_method = company.call("DELETE", "customers")
    assert wrong_method.status == 405
    assert set(wrong_method.headers["allow"].split(", ")) >= {"GET"}


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_parameter_of_a_list_is_taken(company: Erp, document: dict[str, Any], entity: str) -> None:
    said = document["paths"][f"/api/{entity}"]["get"]["parameters"]
    examples = {"updatedSince": "2026-01-01T00:00:00Z", "limit": "7", "fields": "id", "ids": "a,b"}
    named = {parameter["name"] for parameter in said}
    assert named >= {*examples, "cursor"}
    for name in named - {"cursor"}:
        assert company.get(entity, **{name: examples.get(name, "draft")}).status == 200, name


# --- the page for people


def test_the_page_names_every_option_filter_status_and_parameter(document: dict[str, Any]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "customerp.md").read_text()
    operations = [said for methods in document["paths"].values() for said in methods.values()]
    parameters = {told["name"] for said in operations for told in said.get("parameters", ()) if told["in"] != "path"}
    statuses = {status for said in operations for status in said["responses"]}
    options = {option for parameter in customerp_command.params for option in parameter.opts}
    spelt = {f"`{name}" for name in {*parameters, *options}} | {
        f"`{path}`" for path in document["paths"] if "{" not in path
    }
    assert [name for name in sorted(spelt | statuses) if name not in page] == []
