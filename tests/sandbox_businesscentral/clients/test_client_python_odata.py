"""A client that this project did not write: ``python-odata``, which makes classes of what ``$metadata`` describes.

It addresses sets by their names in the container, so its session names the company by a header. It knows neither
versions nor batches by itself: the version goes in as a header here, and batches are proved with the other client.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from odata import ODataService
from odata.exceptions import NoResultsFound, ODataError
from odata.flags import ODataServerFlags
from odata.metadata import MetaData

from sandbox_businesscentral.central import Central

_PLAIN = ODataServerFlags(provide_odata_type_annotation=False, skip_null_properties=True)


class Adapted(MetaData):  # type: ignore[misc]
    """Spares the client two things that OData allows and it cannot do.

    The contract calls the blank member of an enum ``_x0020_``, a name that Python's enums reserve: such an enum is
    read as text. And a key that the server computes makes it fail on every create, which leaves out blank keys anyway.
    """

    def parse_document(self, doc: Any) -> Any:
        schemas, *rest = super().parse_document(doc)
        for schema in schemas:
            named = {each["name"]: {member["name"] for member in each["members"]} for each in schema["enum_types"]}
            schema["enum_types"] = [each for each in schema["enum_types"] if "_x0020_" not in named[each["name"]]]
            for entity in schema["entities"]:
                for each in entity["properties"]:
                    each["is_computed_value"] &= not each["is_primary_key"]
        return (schemas, *rest)


@pytest.fixture(scope="module")
def service(central: Central) -> Iterator[Any]:
    with requests.Session() as session, pytest.MonkeyPatch.context() as patched:
        patched.setattr("odata.service.MetaData", Adapted)
        session.headers["Company"] = central.name
        yield ODataService(
            central.root, reflect_entities=True, session=session, quiet_progress=True, server_flags=_PLAIN
        )


def made(service: Any, name: str, **properties: object) -> Any:
    record = service.entities[name]()
    for key, value in properties.items():
        setattr(record, key, value)
    service.save(record)
    return record


def test_it_makes_classes_of_metadata(service: Any) -> None:
    """Proves: sets, keys, enums with their members, what is computed, ways and bound actions are found in $metadata."""
    assert {"companies", "customers", "items", "salesOrders"} <= set(service.entities)
    item = service.entities["items"]
    assert item.id.primary_key
    assert item.lastModifiedDateTime.is_computed_value
    assert not item.displayName.is_computed_value
    assert [each.name for each in item.type.enum_class] == ["Inventory", "Service", "Non_x002D_Inventory"]
    assert item.itemVariants.is_collection
    assert not item.baseUnitOfMeasure.is_collection
    assert callable(service.entities["salesOrders"].shipAndInvoice)


def test_it_lists_with_a_filter_and_an_expand(service: Any, mark: str) -> None:
    """Proves: the filters it writes, brackets and all, are understood, and expanded records become objects."""
    for number, price in (("1", "2.5"), ("2", "3.75")):
        made(service, "items", number=f"{mark}-{number}", unitPrice=Decimal(price), baseUnitOfMeasureCode="PCS")
    item = service.entities["items"]
    query = service.query(item).filter(item.number.startswith(mark)).filter(item.unitPrice > Decimal("2.5"))
    found = query.expand(item.baseUnitOfMeasure).order_by(item.number.desc()).all()
    assert [each.number for each in found] == [f"{mark}-2"]
    assert found[0].unitPrice == Decimal("3.75")
    assert isinstance(found[0].lastModifiedDateTime, datetime)
    assert found[0].type.name == "Inventory"
    assert found[0].baseUnitOfMeasure.code == "PCS"
    either = (item.number == f"{mark}-1", item.number == f"{mark}-2")
    query = service.query(item)
    assert len(query.filter(query.or_(*either)).all()) == 2


def test_it_follows_pages_to_the_end(service: Any, mark: str) -> None:
    """Proves: it follows next links by itself."""
    for index in range(5):
        made(service, "itemCategories", code=f"{mark}{index}", displayName="x")
    category = service.entities["itemCategories"]
    session = service.default_context.connection.session
    session.headers["Prefer"] = "odata.maxpagesize=2"
    try:
        found = service.query(category).filter(category.code.startswith(mark)).all()
    finally:
        del session.headers["Prefer"]
    assert [each.code for each in found] == [f"{mark}{index}" for index in range(5)]


def test_it_creates_changes_by_version_and_deletes(service: Any, mark: str) -> None:
    """Proves: what it sends for a new record (no computed property, no null) is taken, and changes are guarded."""
    context = service.default_context
    record = made(service, "items", number=mark, displayName="one", unitPrice=Decimal("1.25"))
    etag = record.__odata__["@odata.etag"]
    assert (record.number, record.unitPrice) == (mark, Decimal("1.25"))
    record.displayName = "two"
    context.save(record, extra_headers={"If-Match": etag})
    assert record.__odata__["@odata.etag"] != etag
    item = service.entities["items"]
    assert service.query(item).get(record.id).displayName == "two"
    record.displayName = "three"
    with pytest.raises(ODataError) as stale:
        context.save(record, extra_headers={"If-Match": etag})
    assert stale.value.code == "Request_EntityChanged"
    context.connection.session.headers["If-Match"] = record.__odata__["@odata.etag"]
    try:
        service.delete(record)
    finally:
        del context.connection.session.headers["If-Match"]
    with pytest.raises(NoResultsFound):
        service.query(item).get(record.id)
