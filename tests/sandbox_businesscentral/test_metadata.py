from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from urllib.request import urlopen
from xml.etree.ElementTree import fromstring

import pytest

from sandbox_businesscentral.central import Central
from sandbox_businesscentral.schema import EDM, Schema
from syncline.connectors.businesscentral.metadata import EdmType, entity_sets

_OPTIONAL = {EdmType.STREAM}


def metadata(central: Central, query: str = "") -> tuple[bytes, Mapping[str, str]]:
    with urlopen(f"{central.root}/$metadata{query}") as answer:
        return answer.read(), dict(answer.headers)


@pytest.fixture(scope="module")
def said(central: Central) -> Schema:
    return Schema(metadata(central)[0])


@pytest.mark.parametrize("query", ["", "?$schemaversion=2.0", "?$schemaversion=2.1"])
def test_metadata_is_xml_in_either_schema_version(central: Central, query: str) -> None:
    """Documentation, "Tips for working with APIs": call the endpoint with $metadata; contract, Reading: CSDL XML."""
    body, headers = metadata(central, query)
    assert headers["content-type"] == "application/xml"
    assert headers["odata-version"] == "4.0"
    assert fromstring(body).attrib["Version"] == "4.0"


def test_metadata_is_only_read(central: Central) -> None:
    refused = central.post("/$metadata", {})
    assert (refused.status, refused.code) == (405, "BadRequest_MethodNotAllowed")


def test_metadata_is_text_inside_a_batch(central: Central) -> None:
    urls = ("$metadata", "/%24metadata?$schemaversion=2.1")
    batch = {"requests": [{"id": url, "method": "GET", "url": url} for url in urls]}
    for answer in central.post("/$batch", batch).body["responses"]:
        assert answer["headers"]["content-type"] == "application/xml"
        assert Schema(answer["body"].encode()).types


def test_every_entity_is_described_with_its_properties(said: Schema) -> None:
    for entity_set in entity_sets().values():
        shown = said.properties(entity_set.entity)
        assert list(shown) == list(entity_set.properties), entity_set.name
        for name, property_ in entity_set.properties.items():
            attributes = shown[name].attrib
            assert attributes.get("MaxLength") == (str(property_.max_length) if property_.max_length else None), name
            assert (attributes.get("Nullable") == "false") is (property_.type not in _OPTIONAL), name
            if property_.type is EdmType.ENUM:
                members = [each.attrib["Name"] for each in said.enums[said.local(attributes["Type"])]]
                assert tuple(members) == property_.members, name
            else:
                assert attributes["Type"] == property_.type.value, name


def test_a_key_is_a_property_that_is_never_null(said: Schema) -> None:
    for name, described in said.types.items():
        keys = [each.attrib["Name"] for each in described.findall(f"{EDM}Key/{EDM}PropertyRef")]
        assert len(keys) == 1, name
        assert said.properties(name)[keys[0]].attrib["Nullable"] == "false"
    assert said.types["contactInformation"].find(f"{EDM}Key/{EDM}PropertyRef[@Name='contactId']") is not None


def test_decimals_tell_their_places(said: Schema) -> None:
    """A property without Scale would take whole numbers only (OData CSDL 4.0, 6.2.4)."""
    price = said.properties("item")["unitPrice"].attrib
    assert (price["Type"], price["Scale"], price["Precision"]) == ("Edm.Decimal", "5", "20")
    every = [each for name in said.types for each in said.properties(name).values()]
    assert all("Scale" in each.attrib for each in every if each.attrib["Type"] == "Edm.Decimal")


@pytest.mark.parametrize(
    ("entity", "name", "kind"),
    [
        ("customer", "type", "contactType"),
        ("customer", "blocked", "customerBlocked"),
        ("contact", "contactBusinessRelation", "contactBusinessRelation"),
        ("item", "type", "itemType"),
        ("salesOrder", "status", "salesOrderEntityBufferStatus"),
        ("salesCreditMemo", "status", "salesCrMemoEntityBufferStatus"),
        ("salesInvoice", "status", "invoiceEntityAggregateStatus"),
        ("salesOrderLine", "lineType", "invoiceLineAggLineType"),
        ("account", "category", "glAccountCategory"),
        ("countryRegion", "addressFormat", "countryRegionAddressFormat"),
        ("contactInformation", "relatedType", "contactBusinessRelationLinkToTable"),
        ("vendor", "blocked", "vendorBlocked"),
        ("taxArea", "taxType", "taxBufferType"),
    ],
)
def test_enum_types_are_called_as_the_documentation_calls_them(said: Schema, entity: str, name: str, kind: str) -> None:
    """Documentation, resource pages of API v2.0: the type of the property is NAV.kind."""
    assert said.properties(entity)[name].attrib["Type"] == f"Microsoft.NAV.{kind}"


def test_enum_members_are_escaped_identifiers(said: Schema) -> None:
    """Contract, Reading: what is no identifier character is written as _xHHHH_."""
    assert [each.attrib["Name"] for each in said.enums["itemType"]] == ["Inventory", "Service", "Non_x002D_Inventory"]
    for described in said.enums.values():
        names = [each.attrib["Name"] for each in described]
        assert all(name.isidentifier() for name in names)
        assert [int(each.attrib["Value"]) for each in described] == list(range(len(names)))


def test_names_stand_for_one_thing_each(said: Schema) -> None:
    named = Counter(each.attrib["Name"] for each in said.element if each.tag != f"{EDM}Action")
    assert max(named.values()) == 1
    bound = Counter(
        (each.attrib["Name"], each[0].attrib["Type"]) for each in said.element if each.tag == f"{EDM}Action"
    )
    assert max(bound.values()) == 1
    for name in said.types:
        assert not set(said.properties(name)) & set(said.ways(name)), name


def test_every_type_that_is_named_is_described(said: Schema) -> None:
    for name in said.types:
        for each in said.properties(name).values():
            kind = each.attrib["Type"]
            assert kind in set(EdmType) - {"enum"} or said.local(kind) in said.enums
        for way in said.ways(name).values():
            target = said.local(way.attrib["Type"])
            for constraint in way:
                assert constraint.attrib["Property"] in said.properties(name)
                assert constraint.attrib["ReferencedProperty"] in said.properties(target)
    for each in said.sets.values():
        assert said.local(each.attrib["EntityType"]) in said.types


def test_ways_lead_to_the_sets_they_are_bound_to(said: Schema) -> None:
    for name, each in said.sets.items():
        entity = said.local(each.attrib["EntityType"])
        ways = said.ways(entity)
        bound = {one.attrib["Path"]: one.attrib["Target"] for one in each.findall(f"{EDM}NavigationPropertyBinding")}
        open_ways = {way for way, said_of in ways.items() if said_of.attrib.get("ContainsTarget") != "true"}
        assert set(bound) == open_ways, name
        for path, target in bound.items():
            assert said.local(ways[path].attrib["Type"]) == said.local(said.sets[target].attrib["EntityType"])


def test_a_company_has_a_way_to_every_set(said: Schema, central: Central) -> None:
    """Documentation, "Tips for working with APIs": all resources live in the context of a parent company."""
    ways = said.ways("company")
    assert set(ways) == set(entity_sets())
    assert set(said.sets) >= {"companies", *ways}
    assert all(way.attrib["ContainsTarget"] == "true" for way in ways.values())
    assert {each["name"] for each in central.get("/").value} == set(said.sets)
    company = central.get(f"/companies({central.company})").body
    assert set(company) - {"@odata.context"} == set(said.properties("company"))


def test_the_way_from_an_item_names_the_property_that_leads_there(said: Schema) -> None:
    way = said.ways("item")["baseUnitOfMeasure"]
    assert way.attrib["Type"] == "Microsoft.NAV.unitOfMeasure"
    assert way[0].attrib == {"Property": "baseUnitOfMeasureId", "ReferencedProperty": "id"}
    assert said.ways("salesOrder")["salesOrderLines"].attrib["Type"] == "Collection(Microsoft.NAV.salesOrderLine)"


def test_actions_are_bound_to_their_entity(said: Schema) -> None:
    """Contract, "How the four entities behave": the action Microsoft.NAV.shipAndInvoice."""
    bound = {
        (each.attrib["Name"], said.local(each[0].attrib["Type"]))
        for each in said.element.findall(f"{EDM}Action[@IsBound='true']")
    }
    assert bound == {(action, each.entity) for each in entity_sets().values() for action in each.actions}
    assert ("shipAndInvoice", "salesOrder") in bound


def test_what_cannot_be_written_is_annotated(said: Schema) -> None:
    """Contract, Writing: what entities.json marks readOnly cannot be written."""
    for entity_set in entity_sets().values():
        computed = {
            name
            for name, each in said.properties(entity_set.entity).items()
            if each.find(f"{EDM}Annotation[@Term='Org.OData.Core.V1.Computed'][@Bool='true']") is not None
        }
        assert computed == {name for name, property_ in entity_set.properties.items() if property_.read_only}
        allowed = {
            each.attrib["Property"]: each.attrib["Bool"] == "true"
            for each in said.sets[entity_set.name].iter(f"{EDM}PropertyValue")
            if "Bool" in each.attrib
        }
        assert allowed == {
            "Insertable": entity_set.insert,
            "Updatable": entity_set.modify,
            "Deletable": entity_set.delete,
        }
    names = [each.text for each in said.sets["customers"].iter(f"{EDM}PropertyPath")]
    assert names == ["blocked"]


def test_versions_are_announced(said: Schema) -> None:
    """Contract, Writing: PATCH and DELETE need If-Match, which Core.OptimisticConcurrency tells a client."""
    for name, each in said.sets.items():
        announced = each.find(f"{EDM}Annotation[@Term='Org.OData.Core.V1.OptimisticConcurrency']") is not None
        assert announced is (name != "companies")
