from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox_businesscentral.central import Central, running
from syncline.connectors.businesscentral.metadata import EdmType, entity_sets

ZERO = "00000000-0000-0000-0000-000000000000"


def test_the_root_lists_the_entity_sets(central: Central) -> None:
    assert {each["name"] for each in central.get("/").value} == {"companies", "subscriptions", *entity_sets()}


def test_a_company_is_found_by_id_name_parameter_and_header(central: Central, mark: str) -> None:
    central.made("items", {"number": mark})
    query = f"?$filter=number eq '{mark}'"
    assert central.get(f"/companies({central.company})").body["name"] == central.name
    named = central.name.replace(" ", "%20")
    for reply in (
        central.get(f"items{query}"),
        central.get(f"/items{query}&company={named}"),
        central.get(f"/items{query}", {"Company": central.name}),
    ):
        assert [item["number"] for item in reply.value] == [mark]
    unknown = central.get("/companies(11111111-1111-1111-1111-111111111111)/items")
    assert (unknown.status, unknown.code) == (404, "Internal_CompanyNotFound")
    assert central.get("/items").code == "BadRequest_ResourceNotFound"


@pytest.mark.parametrize("name", sorted(entity_sets()))
def test_every_set_is_served_with_its_properties(central: Central, name: str) -> None:
    described = entity_sets()[name]
    query = {
        "contactsInformation": f"?$filter=relatedId eq {ZERO} and relatedType eq 'Customer'",
        "dimensionSetLines": f"?$filter=parentId eq {ZERO}",
        "pictures": f"?$filter=id eq {ZERO} and parentType eq 'Customer'",
        "salesOrderLines": f"?$filter=documentId eq {ZERO}",
        "salesInvoiceLines": f"?$filter=documentId eq {ZERO}",
        "salesShipmentLines": f"?$filter=documentId eq {ZERO}",
    }.get(name, "?$top=1")
    for record in central.get(f"{name}{query}").value:
        kept = {key for key, said in described.properties.items() if said.type is not EdmType.STREAM}
        assert set(record) == {"@odata.etag", *kept}


@pytest.mark.parametrize(
    "name", ["salesOrderLines", "contactsInformation", "salesInvoiceLines", "dimensionSetLines", "pictures"]
)
def test_sets_of_an_owner_are_not_listed_without_one(central: Central, name: str) -> None:
    assert (central.get(name).status, central.get(name).code) == (400, "Application_DialogException")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nothings", 404, "BadRequest_ResourceNotFound"),
        (f"customers({ZERO})", 404, "Internal_RecordNotFound"),
        (f"customers({ZERO})/salesOrderLines", 404, "BadRequest_ResourceNotFound"),
        ("customers(C00010)", 404, "BadRequest_NotFound"),
        ("customers(", 404, "BadRequest_NotFound"),
        ("customers?$filter=nothing eq 1", 400, "BadRequest"),
        ("customers?$filter=displayName eq", 400, "BadRequest"),
        ("customers?$filter=displayName eq 5", 400, "BadRequest"),
        ("customers?$filter=displayName eq city", 400, "BadRequest"),
        ("customers?$filter=blocked eq 'All'", 400, "BadRequest"),
        ("customers?$filter=type eq 'Companion'", 400, "BadRequest"),
        ("customers?$filter=city eq 'A' or displayName eq 'A'", 400, "Application_FilterErrorException"),
        ("customers?$filter=number in ('A','B')", 400, "BadRequest"),
        ("customers?$filter=contains(tolower(displayName),'a')", 400, "BadRequest"),
        ("customers?$select=nothing", 400, "BadRequest"),
        ("customers?$expand=nothing", 400, "BadRequest"),
        ("customers?$orderby=nothing", 400, "BadRequest"),
        ("customers?$top=-1", 400, "BadRequest"),
        ("customers?$apply=x", 400, "BadRequest"),
        ("customers?$skiptoken=x", 400, "BadRequest"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_code(central: Central, path: str, status: int, code: str) -> None:
    reply = central.get(path)
    assert (reply.status, reply.code) == (status, code)
    assert "CorrelationId:  " in reply.message


@pytest.fixture(scope="module")
def stocked(central: Central) -> Central:
    rows = [
        ("F-1", "Anchor chain", "10.5", "Inventory", False),
        ("F-2", "Bolt, O'Neil", "0.00001", "Non_x002D_Inventory", False),
        ("F-3", "bolt, small", "1000000.25", "Inventory", True),
        ("F-4", "Crane hire", "80", "Service", False),
    ]
    for number, name, price, kind, blocked in rows:
        item = {"number": number, "displayName": name, "unitPrice": float(price), "type": kind, "blocked": blocked}
        central.made("items", item)
    return central


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("number eq 'f-1'", "1"),
        ("startswith(number,'F-')", "1234"),
        ("startswith(number,'F-') and type eq 'Non_x002D_Inventory'", "2"),
        ("startswith(number,'F-') and displayName eq 'Bolt, O''Neil'", "2"),
        ("startswith(number,'F-') and contains(displayName,'olt')", "23"),
        ("startswith(number,'F-') and contains(displayName,'Bolt')", "2"),
        ("startswith(number,'F-') and endswith(displayName,'hire')", "4"),
        ("startswith(number,'F-') and unitPrice eq 10.5", "1"),
        ("startswith(number,'F-') and unitPrice lt 80", "12"),
        ("startswith(number,'F-') and unitPrice ge 80", "34"),
        ("startswith(number,'F-') and unitPrice ne 80 and unitPrice gt 10", "13"),
        ("startswith(number,'F-') and blocked eq true", "3"),
        ("startswith(number,'F-') and (number eq 'F-1' or number eq 'F-4')", "14"),
        ("number eq 'F-1' or number eq 'F-2' or number eq 'F-3'", "123"),
        ("startswith(number,'F-') and tolower(displayName) eq 'bolt, small'", "3"),
        ("startswith(number,'F-') and substring(displayName,0,4) eq 'Bolt'", "2"),
        ("number ge 'F-2' and number le 'F-3'", "23"),
    ],
)
def test_a_filter_finds_what_it_states(stocked: Central, condition: str, found: str) -> None:
    numbers = [item["number"] for item in stocked.get(f"items?$filter={condition}&$orderby=number").value]
    assert numbers == [f"F-{digit}" for digit in found]


def test_hundreds_of_records_are_asked_for_at_once(stocked: Central) -> None:
    equal = " or ".join(f"number eq 'N-{index}'" for index in range(1200))
    found = stocked.get(f"items?$select=number&$filter={equal} or number eq 'F-3' or number eq 'F-1'").value
    assert [item["number"] for item in found] == ["F-1", "F-3"]
    starting = " or ".join(f"startswith(number,'N-{index}')" for index in range(1200))
    assert stocked.get(f"items?$filter={starting}").code == "BadRequest"
    assert stocked.get(f"items?$filter={'(' * 1500}number eq 'F-1'{')' * 1500}").status in {200, 400}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("number in ('F-1','F-3')", "13"),
        ("number in ('F-2')", "2"),
        ("startswith(number,'F-') and contains(tolower(displayName),'bolt')", "23"),
        ("startswith(number,'F-') and toupper(substring(displayName,0,4)) eq 'BOLT'", "23"),
    ],
)
def test_the_newer_schema_version_allows_more(stocked: Central, condition: str, found: str) -> None:
    reply = stocked.get(f"items?$schemaversion=2.1&$filter={condition}&$orderby=number")
    assert [item["number"] for item in reply.value] == [f"F-{digit}" for digit in found]


def test_decimals_are_exact_numbers(stocked: Central) -> None:
    items = stocked.get("items?$filter=startswith(number,'F-')&$orderby=unitPrice desc&$select=unitPrice").value
    assert [item["unitPrice"] for item in items] == [Decimal("1000000.25"), 80, Decimal("10.5"), Decimal("0.00001")]


def test_select_shows_the_etag_and_what_was_asked(stocked: Central) -> None:
    item = stocked.get("items?$filter=number eq 'F-1'&$select=displayName,number").value[0]
    assert list(item) == ["@odata.etag", "number", "displayName"]


def test_absent_values_are_blanks_and_never_null(central: Central, mark: str) -> None:
    order = central.made("salesOrders", {"customerId": central.made("customers", {"displayName": mark})["id"]})
    assert order["externalDocumentNumber"] == ""
    assert order["paymentTermsId"] == ZERO
    assert order["requestedDeliveryDate"] == "0001-01-01"
    assert central.get(f"customers({order['customerId']})").body["blocked"] == "_x0020_"
    assert None not in order.values()


def test_pages_follow_one_another_to_the_end_and_hold_each_record_once(central: Central, mark: str) -> None:
    for index in range(7):
        central.made("itemCategories", {"code": f"{mark}-{index}", "displayName": f"P{index % 2}"})
    path = f"itemCategories?$filter=startswith(code,'{mark}')&$orderby=displayName desc,code&$count=true"
    seen: list[str] = []
    sizes: list[int] = []
    while path:
        reply = central.get(path, {"Prefer": "odata.maxpagesize=3"})
        assert reply.body["@odata.count"] == 7
        seen += [record["code"][-1] for record in reply.value]
        sizes.append(len(reply.value))
        path = reply.body.get("@odata.nextLink", "")
    assert (seen, sizes) == (list("1350246"), [3, 3, 1])


def test_top_and_skip_bound_the_whole_and_not_the_page(central: Central, mark: str) -> None:
    for index in range(7):
        central.made("itemCategories", {"code": f"{mark}-{index}", "displayName": "x"})
    path = f"itemCategories?$filter=startswith(code,'{mark}')&$top=4&$skip=1"
    seen: list[str] = []
    while path:
        reply = central.get(path, {"Prefer": "odata.maxpagesize=3"})
        seen += [record["code"][-1] for record in reply.value]
        path = reply.body.get("@odata.nextLink", "")
    assert seen == list("1234")
    assert central.get(f"itemCategories/$count?$filter=startswith(code,'{mark}')").body == 7


def test_a_poll_shows_what_changed_behind_a_moment_to_the_millisecond(central: Central, mark: str) -> None:
    first = central.made("items", {"number": f"{mark}-1"})
    second = central.made("items", {"number": f"{mark}-2"})
    own = f"startswith(number,'{mark}')"
    since = first["lastModifiedDateTime"]
    assert since.endswith("Z")
    assert len(since) == len("2026-01-01T00:00:00.000Z")
    changed = central.get(f"items?$filter=lastModifiedDateTime ge {since} and {own}").value
    assert [item["number"] for item in changed] == [first["number"], second["number"]]
    assert central.get(f"items?$filter=lastModifiedDateTime gt {since} and number eq '{mark}-1'").value == []
    finer = since.replace("Z", "9Z")
    assert central.get(f"items?$filter=lastModifiedDateTime ge {finer} and number eq '{mark}-1'").value == []
    touched = central.patch(f"items({first['id']})", {"displayName": "later"}).body["lastModifiedDateTime"]
    assert touched >= second["lastModifiedDateTime"]


def test_expand_nests_with_its_own_options(central: Central, mark: str) -> None:
    item = central.made("items", {"number": mark, "baseUnitOfMeasureCode": "PCS"})
    for code in ("RED", "BLUE", "GREEN"):
        central.made("itemVariants", {"itemNumber": mark, "code": code})
    inside = "$select=code;$filter=code ne 'BLUE';$orderby=code desc"
    shown = central.get(f"items({item['id']})?$select=number&$expand=itemVariants({inside}),baseUnitOfMeasure").body
    assert [variant["code"] for variant in shown["itemVariants"]] == ["RED", "GREEN"]
    assert shown["baseUnitOfMeasure"]["code"] == "PCS"
    listed = central.get(f"items?$filter=number eq '{mark}'&$expand=itemVariants($top=1;$orderby=code)").value[0]
    assert [variant["code"] for variant in listed["itemVariants"]] == ["BLUE"]
    assert [variant["code"] for variant in central.get(f"items({item['id']})/itemVariants").value] == [
        "RED",
        "BLUE",
        "GREEN",
    ]


def test_a_way_to_one_record_is_taken_by_either_name(central: Central, mark: str) -> None:
    customer = central.made("customers", {"displayName": mark})
    for name in ("customerFinancialDetails", "customerFinancialDetail"):
        shown = central.fresh("customers", customer, f"?$expand={name}($select=overdueAmount)")
        assert shown[name]["overdueAmount"] == 0
        assert central.get(f"customers({customer['id']})/{name}").body["number"] == customer["number"]


def test_an_empty_company_has_its_codes_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path, "--open", "--empty") as sandbox:
        for name in ("customers", "contacts", "items", "salesOrders", "salesInvoices", "vendors"):
            assert sandbox.get(f"{name}/$count").body == 0, name
        countries = {country["code"] for country in sandbox.get("countriesRegions").value}
        assert {"SE", "NO", "XK"} - countries == {"XK"}
        assert len(countries) == 249
        assert {"PCS", "BOX", "KG", "HOUR", "C62", "KGM"} <= {
            unit["code"] for unit in sandbox.get("unitsOfMeasure").value
        }
        currencies = {currency["code"] for currency in sandbox.get("currencies").value}
        assert "USD" in currencies
        assert "EUR" not in currencies
        rates = {
            rate["currencyCode"]: rate["exchangeRateAmount"] for rate in sandbox.get("currencyExchangeRates").value
        }
        assert set(rates) == currencies
        for name in (
            "paymentTerms", "paymentMethods", "shipmentMethods", "itemCategories", "taxGroups", "taxAreas", "locations",
            "generalProductPostingGroups", "inventoryPostingGroups", "salespeoplePurchasers", "dimensions", "accounts",
        ):  # fmt: skip
            assert sandbox.get(f"{name}/$count").body > 2, name
        values = sandbox.get("dimensions?$filter=code eq 'DEPARTMENT'&$expand=dimensionValues").value[0]
        assert [value["code"] for value in values["dimensionValues"]] == ["ADM", "SALES", "PROD"]


def test_without_empty_there_is_an_invented_company(tmp_path: Path) -> None:
    with running(tmp_path, "--open") as sandbox:
        sizes = {name: sandbox.get(f"{name}/$count").body for name in ("customers", "items", "salesOrders")}
        assert sizes == {"customers": 20, "items": 20, "salesOrders": 15}
        persons = sandbox.get("contacts?$filter=type eq 'Person'").value
        assert len(persons) == 15
        assert {person["companyName"] for person in persons} > {"", "Bakker & Zoon"}
