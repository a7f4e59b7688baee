"""A client that this project did not write: ``odatapy``, an OData 4.01 client in the manner of Apache Olingo.

It reads ``$metadata`` into a typed model and reads and writes by it: a decimal is a ``Decimal``, an id a ``UUID``. It
finds the type of ``companies(ID)/items`` by walking the ways of the model. Each docstring says what its test proves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import pytest
from odatapy.client import EdmEnabledODataClient, NotModified, ODataClientError
from odatapy.client.filters import EnumValue, Field, OrderBy, and_
from odatapy.client.transport import HttpxTransport
from odatapy.client.uri_builder import URIBuilder
from odatapy.data import Entity

from sandbox_businesscentral.central import Central


class Client:
    """The client, with addresses below one company."""

    def __init__(self, central: Central, transport: HttpxTransport) -> None:
        self.odata = EdmEnabledODataClient(central.root, transport)
        self._company = UUID(central.company)

    def at(self, name: str, key: object = None) -> URIBuilder:
        uri = self.odata.entity_uri("companies", self._company).append_navigation_segment(name)
        return uri if key is None else uri.append_key_segment(key)

    def made(self, name: str, **properties: object) -> Entity:
        made = self.odata.create_entity(self.at(name), dict(properties))
        assert isinstance(made, Entity)
        return made


@pytest.fixture(scope="module")
def client(central: Central) -> Iterator[Client]:
    with HttpxTransport() as transport:
        yield Client(central, transport)


def test_it_reads_metadata_into_a_model(client: Client) -> None:
    """Proves: types, keys, enums, ways, actions and annotations of $metadata resolve in a model that is not ours."""
    edm = client.odata.get_edm()
    order = client.odata.entity_set_type("salesOrders")
    assert order.name == "salesOrder"
    assert order.key_predicate_names == ["id"]
    assert "salesOrderLines" in order.navigation_property_names
    price = client.odata.entity_set_type("items").get_structural_property("unitPrice")
    assert (price.facets.scale, price.facets.precision, price.nullable) == (5, 20, False)
    sets = {each.name for each in edm.entity_container.entity_sets}
    assert {"companies", "customers", "items", "salesOrders"} <= sets
    document = client.odata.get_service_document()
    assert set(document.entity_sets) == sets


def test_it_lists_with_a_filter_an_order_and_an_expand(client: Client, mark: str) -> None:
    """Proves: what the client makes of filters (text, decimals, enums), orders and nested expands is understood."""
    for number, price in (("1", Decimal("2.5")), ("2", Decimal("3.75")), ("3", Decimal("9"))):
        client.made("items", number=f"{mark}-{number}", unitPrice=price, baseUnitOfMeasureCode="PCS", type="Service")
    condition = and_(
        Field("number").startswith(mark),
        Field("unitPrice").gt(Decimal("2.5")),
        Field("type").eq(EnumValue("Microsoft.NAV.itemType", "Service")),
    )
    uri = client.at("items").filter(condition).orderby(OrderBy().desc("unitPrice")).count()
    uri.select("number", "unitPrice", "id", "lastModifiedDateTime")
    uri.expand_with_options("baseUnitOfMeasure", select=["code"])
    found = client.odata.get_entity_set(uri)
    assert found.count == 2
    assert [each.get_value("number") for each in found.entities] == [f"{mark}-3", f"{mark}-2"]
    assert [each.get_value("unitPrice") for each in found.entities] == [Decimal("9"), Decimal("3.75")]
    first = found.entities[0]
    assert isinstance(first.get_value("id"), UUID)
    assert isinstance(first.get_value("lastModifiedDateTime"), datetime)
    assert first.get_navigation_link("baseUnitOfMeasure").inline_entity.get_value("code") == "PCS"
    assert client.odata.get_count(client.at("items").append_count_segment().filter(condition)) == 2


def test_it_follows_pages_to_the_end(client: Client, mark: str) -> None:
    """Proves: next links are followed as they are, each record being met once."""
    for index in range(5):
        client.made("itemCategories", code=f"{mark}{index}", displayName="x")
    uri = client.at("itemCategories").filter(Field("code").startswith(mark))
    pages = list(client.odata.iter_pages(uri, max_page_size=2))
    assert pages[0].next_link is not None
    codes = [each.get_value("code") for page in pages for each in page.entities]
    assert codes == [f"{mark}{index}" for index in range(5)]


def test_it_creates_changes_by_version_and_deletes(client: Client, mark: str) -> None:
    """Proves: a create's answer is read by its type, the etag guards the change, and a stale one is told as 409."""
    made = client.made("items", number=mark, displayName="one", unitPrice=Decimal("10.25"))
    assert made.etag is not None
    uri = client.at("items", made.get_value("id"))
    changed = client.odata.update_entity(uri, {"displayName": "two"}, etag=made.etag).entity
    assert changed is not None
    assert changed.get_value("displayName") == "two"
    assert changed.get_value("unitPrice") == Decimal("10.25")
    assert changed.etag != made.etag
    with pytest.raises(ODataClientError) as stale:
        client.odata.update_entity(uri, {"displayName": "three"}, etag=made.etag)
    assert (stale.value.status_code, stale.value.error_code) == (409, "Request_EntityChanged")
    known = client.odata.get_entity(uri, if_none_match=changed.etag)
    assert isinstance(known, NotModified)
    assert client.odata.delete_entity(uri, etag=changed.etag).status_code == 204
    with pytest.raises(ODataClientError) as gone:
        client.odata.get_entity(uri)
    assert (gone.value.status_code, gone.value.error_code) == (404, "Internal_RecordNotFound")


def test_it_inserts_deeply_and_calls_an_action(client: Client, mark: str) -> None:
    """Proves: lines go with their order, dates are dates, and a bound action is found by its qualified name."""
    customer = client.made("customers", displayName=mark)
    client.made("items", number=mark, unitPrice=Decimal("10"), type="Service")
    lines = [{"lineType": "Item", "lineObjectNumber": mark, "quantity": Decimal("2")}]
    order = client.made(
        "salesOrders", customerId=customer.get_value("id"), orderDate=date(2026, 1, 31), salesOrderLines=lines
    )
    uri = client.at("salesOrders", order.get_value("id"))
    read = client.odata.get_entity(uri.copy().expand_with_options("salesOrderLines", select=["quantity"]))
    assert read.get_value("orderDate") == date(2026, 1, 31)
    assert read.get_value("totalAmountExcludingTax") == Decimal("20")
    inline = read.get_navigation_link("salesOrderLines").inline_entity_set
    assert [each.get_value("quantity") for each in inline.entities] == [Decimal("2")]
    client.odata.invoke_action(uri.copy().append_action_call_segment("Microsoft.NAV.shipAndInvoice"))
    invoices = client.odata.get_entity_set(
        client.at("salesInvoices").filter(Field("orderNumber").eq(order.get_value("number")))
    )
    assert [each.get_value("customerName") for each in invoices.entities] == [mark]


def test_it_reads_a_property_and_its_bare_value(client: Client, mark: str) -> None:
    """Proves: the address of a property, and of its value."""
    made = client.made("items", number=mark, unitPrice=Decimal("1.5"))
    uri = client.at("items", made.get_value("id"))
    number = client.odata.get_property(uri.copy().append_property_segment("number"))
    assert number is not None
    assert number.value == mark
    raw = client.odata.get_value(uri.copy().append_property_segment("unitPrice").append_value_segment())
    assert raw.text() == "1.5"


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_it_sends_a_batch(client: Client, mark: str, form: Literal["json", "multipart"]) -> None:
    """Proves: a batch as the client writes it, of a read and of writes with a version, is answered in order."""
    made = client.made("items", number=mark)
    batch = client.odata.batch(format=form)
    batch.add_retrieve(client.at("items", made.get_value("id")).select("number"))
    changes = batch.add_changeset()
    changes.create(client.at("itemCategories"), {"code": mark, "displayName": "one"})
    changes.update(client.at("items", made.get_value("id")), {"displayName": "two"}, etag=made.etag)
    answers = client.odata.execute_batch(batch)
    answers.raise_for_status()
    assert [each.status_code for each in answers.responses] == [200, 201, 200]
    assert answers.responses[0].entity().get_value("number") == mark
    assert answers.responses[2].entity().get_value("displayName") == "two"


def test_it_chooses_the_company_by_a_header(central: Central, mark: str) -> None:
    """Proves: every set of the container is reached by its own name when a header names the company."""
    central.made("items", {"number": mark})
    with HttpxTransport() as transport:
        odata = EdmEnabledODataClient(central.root, transport, headers={"Company": central.name})
        found = odata.get_entity_set(odata.entity_set_uri("items").filter(Field("number").eq(mark)))
        assert [each.get_value("number") for each in found.entities] == [mark]
