"""One test a fact of the contract, "Reading". Each docstring names its source.

Facts held elsewhere, in ``test_reading.py``: blanks instead of null; decimals; what each operator finds on text,
numbers, enums and truth values; hundreds of values in one ``or``; pages that hold each record once; polls by the
millisecond; sets that are listed for one owner only.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import pairwise

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def stock(central: Central) -> Central:
    """Six items, of which two differ in letter case and beyond ASCII."""
    rows = [
        ("C-1", "Åkergräs", 1.5, "Inventory", False),
        ("C-2", "åkergräs", 2, "Service", True),
        ("C-3", "Nut (small), 5%", 2.25, "Non_x002D_Inventory", False),
        ("C-4", "O'Hara's & Sons+1", 3, "Inventory", True),
        ("C-5", "", 0, "Inventory", False),
        ("C-6", "ΣΊΣΥΦΟΣ", 10, "Inventory", False),
    ]
    for number, name, price, kind, blocked in rows:
        item = {"number": number, "displayName": name, "unitPrice": price, "type": kind, "blocked": blocked}
        central.made("items", {**item, "baseUnitOfMeasureCode": "PCS"})
    return central


def found(central: Central, condition: str, version: str | None = None) -> str:
    """The last digits of the numbers that a filter finds."""
    path = f"items?$filter=startswith(number,'C-') and ({condition})&$orderby=number&$select=number"
    reply = central.get(path if version is None else f"{path}&$schemaversion={version}")
    return "".join(item["number"][-1] for item in reply.value)


@pytest.mark.parametrize("version", [None, "2.0", "2.1"])
@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("unitPrice eq 2", "2"),
        ("unitPrice ne 2", "13456"),
        ("unitPrice gt 2", "346"),
        ("unitPrice ge 2", "2346"),
        ("unitPrice lt 2", "15"),
        ("unitPrice le 2.0", "125"),
        ("2 lt unitPrice", "346"),
        ("unitPrice gt 1 and unitPrice lt 3", "123"),
        ("unitPrice eq 2 or unitPrice eq 3", "24"),
        ("unitPrice eq -1", ""),
        ("(unitPrice eq 2)", "2"),
        ("startswith(displayName,'Å')", "1"),
        ("endswith(displayName,'5%25')", "3"),
        ("endswith(displayName,'')", "123456"),
        ("contains(displayName,'(small)')", "3"),
        ("displayName eq 'O''Hara''s %26 Sons%2B1'", "4"),
        ("displayName eq ''", "5"),
        ("substring(displayName,4) eq 'gräs'", "12"),
        ("substring(displayName,0,3) eq 'Nut'", "3"),
        ("tolower(displayName) eq 'åkergräs'", "12"),
        ("tolower(displayName) eq 'ÅKERGRÄS'", "12"),
        ("toupper(displayName) eq 'σίσυφοσ'", "6"),
        ("blocked eq true", "24"),
        ("blocked eq false and type eq 'Inventory'", "156"),
        ("type eq 'Non_x002D_Inventory'", "3"),
        ("type ne 'Inventory'", "23"),
        ("type eq Microsoft.NAV.itemType'Service'", "2"),
        ("type eq 'Service' or type eq 'Non_x002D_Inventory'", "23"),
        ("(type eq 'Service' or type eq 'Inventory') and (unitPrice eq 2 or unitPrice eq 3)", "24"),
        (f"itemCategoryId eq {ZERO}", "123456"),
        ("lastModifiedDateTime gt 2020-01-01T00:00:00Z", "123456"),
        ("lastModifiedDateTime lt 2020-01-01T00:00:00.000%2B02:00", ""),
    ],
)
def test_operators_and_functions_of_a_filter(stock: Central, condition: str, numbers: str, version: str | None) -> None:
    """Contract, Reading: eq ne gt ge lt le, and, or, startswith, endswith, contains, substring, tolower, toupper.

    Documentation, use-filter-expressions: tolower and toupper disable case sensitivity; substring counts from 0.
    """
    assert found(stock, condition, version) == numbers


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("number in ('C-1','c-3')", "13"),
        ("unitPrice in (2,3)", "24"),
        ("type in ('Service',Microsoft.NAV.itemType'Non_x002D_Inventory')", "23"),
        ("contains(tolower(displayName),'GRÄS')", "12"),
        ("startswith(toupper(displayName),'åk')", "12"),
        ("endswith(substring(displayName,0,3),'ut')", "3"),
        ("tolower(substring(displayName,0,1)) eq 'Å'", "12"),
    ],
)
def test_lists_and_functions_in_functions_are_of_the_newer_version(
    stock: Central, condition: str, numbers: str
) -> None:
    """Contract, Reading: in and nested functions only with $schemaversion=2.1."""
    assert found(stock, condition, "2.1") == numbers
    for version in ("", "&$schemaversion=2.0"):
        refused = stock.get(f"items?$filter={condition}{version}")
        assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize("version", ["", "&$schemaversion=2.1"])
def test_or_over_two_fields_is_refused(central: Central, version: str) -> None:
    """Contract, Reading; documentation, odata-known-limitations."""
    for condition in ("number eq 'A' or displayName eq 'A'", "(number eq 'A' and blocked eq true) or unitPrice eq 1"):
        refused = central.get(f"items?$filter={condition}{version}")
        assert (refused.status, refused.code) == (400, "Application_FilterErrorException")


def test_a_filter_with_a_lambda_is_ignored(stock: Central) -> None:
    """Documentation, odata-known-limitations: if lambda operators are used, the filter expression will be ignored."""
    every = stock.get("items/$count").body
    assert stock.get("items/$count?$filter=itemVariants/any(v:v/code eq 'X') and number eq 'C-1'").body == every
    assert stock.get("items/$count?$filter=displayName eq 'no/any(lambda)'").body == 0


@pytest.mark.parametrize(
    "condition",
    [
        "not (number eq 'A')",
        "number eq null",
        "null eq number",
        "blocked",
        "number",
        "true",
        "number eq displayName",
        "number eq 'A",
        "number eq A",
        "unitPrice eq 'A'",
        "unitPrice add 1 eq 2",
        "length(number) eq 3",
        "indexof(number,'A') eq 0",
        "concat(number,'A') eq 'A'",
        "trim(number) eq 'A'",
        "round(unitPrice) eq 1",
        "year(lastModifiedDateTime) eq 2026",
        "contains(unitPrice,'1')",
        "contains(number,1)",
        "tolower(unitPrice) eq '1'",
        "substring(number,-1) eq '1'",
        "number has 'A'",
        "type eq 'Nothing'",
        "type eq Microsoft.NAV.contactType'Company'",
        "type eq Other.itemType'Service'",
        "type eq 'Non-Inventory'",
        "itemCategoryId eq 'A'",
        f"itemCategoryId eq '{ZERO}'",
        "lastModifiedDateTime gt 2026-01-01",
        "lastModifiedDateTime gt 2026-13-01T00:00:00Z",
        "baseUnitOfMeasure/code eq 'PCS'",
        "picture eq 'x'",
        "id eq",
        "eq",
        "(number eq 'A'",
        "number eq 'A')",
        "number eq 'A' and",
        "number in ()",
        "$it/number eq 'A'",
        "blocked eq 1",
        "blocked eq TRUE",
    ],
)
def test_a_filter_that_says_nothing_is_refused(central: Central, condition: str) -> None:
    """Contract, Reading: the operators and functions there are; error codes: BadRequest."""
    for version in ("", "&$schemaversion=2.1"):
        refused = central.get(f"items?$filter={condition}{version}")
        assert (refused.status, refused.code) == (400, "BadRequest"), condition


def test_contains_minds_case(stock: Central) -> None:
    """Contract, Reading: integrators report that contains minds case (k)."""
    assert found(stock, "contains(displayName,'Åker')") == "1"


def test_blocked_of_customers_is_refused_in_a_filter(central: Central) -> None:
    """Contract, Reading: integrators report that blocked in a $filter is refused with 400 (k)."""
    for version in ("", "&$schemaversion=2.1"):
        assert central.get(f"customers?$filter=blocked eq 'All'{version}").status == 400


@pytest.mark.parametrize(
    "query",
    [
        "$schemaversion=1.0", "$schemaversion=", "$apply=aggregate($count as n)", "$search=x", "$compute=1 as x",
        "$format=atom", "$format=JSON", "$top=1&$top=2", "$filter=number eq 'A'&$filter=number eq 'B'", "$top=x",
        "$top=-1", "$top=1.5", "$skip=-1", "$count=maybe", "$count=1", "$skiptoken=x", "$Top=1", "$deltatoken=x",
        "$orderby=nothing", "$orderby=number up", "$orderby=picture", "$orderby=tolower(number)", "$select=nothing",
        "$select=number/x", "$select=number(", "$expand=nothing", "$expand=number", "$expand=*",
        "$expand=itemVariants(",
        "$expand=itemVariants)", "$expand=itemVariants()x", "$expand=itemVariants,itemVariants",
        "$expand=itemVariants($levels=2)", "$expand=itemVariants($top=1;$top=2)", "$expand=itemVariants(top=1)",
        "$expand=itemVariants($skiptoken=x)", "$expand=itemVariants($schemaversion=2.1)", "$expand=itemVariants/$count",
        "$expand=itemVariants($filter=code eq 5)", "$expand=itemVariants($expand=nothing)",
    ],
)  # fmt: skip
def test_an_option_that_says_nothing_is_refused(central: Central, query: str) -> None:
    """Contract, Reading: $apply absent; error codes: BadRequest. OData 4.0: an option is given once."""
    refused = central.get(f"items?{query}")
    assert (refused.status, refused.code) == (400, "BadRequest")


def test_options_without_a_dollar_are_not_the_entitys(central: Central) -> None:
    """OData 4.0, URL conventions 5.2: custom query options do not begin with $."""
    assert central.get("items?$top=1&tenant=default&top=2").status == 200
    assert central.get("items?$top=1&$format=json").status == 200


@pytest.mark.parametrize("version", ["", "&$schemaversion=2.0", "&$schemaversion=2.1"])
def test_select_shows_what_was_asked(stock: Central, version: str) -> None:
    """Contract, Reading: $select; every entity carries @odata.etag."""
    first = "items?$filter=number eq 'C-1'"
    assert list(stock.get(f"{first}&$select=displayName,number{version}").value[0]) == [
        "@odata.etag",
        "number",
        "displayName",
    ]
    ways = stock.get(f"{first}&$select=baseUnitOfMeasure&$expand=baseUnitOfMeasure{version}").value[0]
    assert list(ways) == ["@odata.etag", "baseUnitOfMeasure"]
    assert len(stock.get(f"{first}&$select=*{version}").value[0]) > 10
    assert list(stock.get(f"{first}&$select=number,number{version}").value[0]) == ["@odata.etag", "number"]


def test_order_is_by_several_properties_either_way(stock: Central) -> None:
    """Contract, Reading: $orderby."""
    path = "items?$filter=startswith(number,'C-')&$select=number&$orderby="
    for order, numbers in (
        ("blocked desc,unitPrice desc", "426315"),
        ("unitPrice", "512346"),
        ("type asc, number desc", "654132"),
    ):
        assert "".join(item["number"][-1] for item in stock.get(path + order).value) == numbers


def test_count_is_told_beside_the_records_and_by_itself(stock: Central) -> None:
    """Contract, Reading: $count=true. OData 4.0, Protocol 11.2.9: /$count is plain text and minds no paging."""
    path = "items?$filter=startswith(number,'C-')&$top=2&$count=true"
    assert stock.get(path).body["@odata.count"] == 6
    assert "@odata.count" not in stock.get(path.replace("true", "false")).body
    counted = stock.get("items/$count?$filter=startswith(number,'C-')&$top=2")
    assert (counted.body, counted.headers["content-type"]) == (6, "text/plain; charset=utf-8")
    unit = stock.get("unitsOfMeasure?$filter=code eq 'PCS'&$count=true&$select=code").body
    assert unit["@odata.count"] == len(unit["value"]) == 1


@pytest.fixture(scope="module")
def varied(central: Central) -> str:
    """The id of an item with three variants."""
    item = central.made("items", {"number": "C-VARIED", "baseUnitOfMeasureCode": "PCS"})
    for code, name in (("RED", "b"), ("BLUE", "a"), ("GREEN", "b")):
        central.made("itemVariants", {"itemNumber": "C-VARIED", "code": code, "description": name})
    return str(item["id"])


@pytest.mark.parametrize(
    ("inside", "codes"),
    [
        ("", ["RED", "BLUE", "GREEN"]),
        ("()", ["RED", "BLUE", "GREEN"]),
        ("($filter=description eq 'b')", ["RED", "GREEN"]),
        ("($filter=contains(code,'E') and description eq 'b';$orderby=code)", ["GREEN", "RED"]),
        ("($orderby=description desc,code)", ["GREEN", "RED", "BLUE"]),
        ("($top=2)", ["RED", "BLUE"]),
        ("($skip=1;$top=1)", ["BLUE"]),
        ("($skip=5)", []),
        ("($top=0)", []),
        ("($filter=description eq ');$top=1')", []),
    ],
)
def test_expand_takes_the_options_of_a_set(central: Central, varied: str, inside: str, codes: list[str]) -> None:
    """Contract, Reading: $expand, nested, with its own options in brackets."""
    for path in (f"items({varied})?", "items?$filter=number eq 'C-VARIED'&"):
        shown = central.get(f"{path}$expand=itemVariants{inside}").body
        shown = shown["value"][0] if "value" in shown else shown
        assert [variant["code"] for variant in shown["itemVariants"]] == codes


def test_expand_selects_counts_and_nests(central: Central, varied: str) -> None:
    """Contract, Reading: $expand, nested, with its own $filter and $select."""
    shown = central.get(f"items({varied})?$expand=itemVariants($select=code;$count=true;$top=1),baseUnitOfMeasure").body
    assert shown["itemVariants@odata.count"] == 3
    assert [set(variant) for variant in shown["itemVariants"]] == [{"@odata.etag", "code"}]
    assert shown["baseUnitOfMeasure"]["code"] == "PCS"
    customer = central.made("customers", {"displayName": "Nested"})
    inside = "contactsInformation($select=contactName;$expand=contacts($select=number))"
    deep = central.get(f"customers({customer['id']})?$expand={inside}").body["contactsInformation"][0]
    assert deep["contactName"] == "Nested"
    assert set(deep["contacts"]) == {"@odata.etag", "number"}


@pytest.mark.parametrize("condition", ["code in ('RED','BLUE')", "startswith(tolower(code),'r')"])
def test_the_newer_version_holds_inside_an_expand(central: Central, varied: str, condition: str) -> None:
    """Contract, Reading: in and nested functions only with $schemaversion=2.1 in the query."""
    path = f"items({varied})?$expand=itemVariants($filter={condition})"
    assert central.get(path).code == "BadRequest"
    assert central.get(f"{path}&$schemaversion=2.1").body["itemVariants"][0]["code"] == "RED"


def test_ways_lead_on_from_a_record(central: Central, varied: str) -> None:
    """Contract, Writing: navigation over lines also by salesOrders({id})/salesOrderLines; the pages' parts."""
    assert len(central.get(f"items({varied})/itemVariants").value) == 3
    assert central.get(f"items({varied})/itemVariants/$count").body == 3
    assert central.get(f"items({varied})/itemVariants?$filter=code eq 'RED'&$select=code").value[0]["code"] == "RED"
    one = central.get(f"items({varied})/itemVariants").value[0]
    assert central.get(f"items({varied})/itemVariants({one['id']})").body["code"] == one["code"]
    unit = central.get(f"items({varied})/baseUnitOfMeasure").body
    assert unit["@odata.context"].endswith("/unitsOfMeasure/$entity")
    assert central.get(f"items({varied})/baseUnitOfMeasure/displayName").body["value"] == "Piece"
    other = central.made("items", {})
    assert central.get(f"items({other['id']})/itemVariants({one['id']})").code == "Internal_RecordNotFound"
    assert central.get(f"items({other['id']})/baseUnitOfMeasure").status == 204


def test_a_property_has_an_address_of_its_own(central: Central, varied: str) -> None:
    """OData 4.0, Protocol 11.2.3; the documentation shows it for the content of a PDF document."""
    path = f"items({varied})"
    assert central.get(f"{path}/number").body == {
        "@odata.context": f"{central.root}/$metadata#companies({central.company})/items({varied})/number",
        "value": "C-VARIED",
    }
    raw = central.get(f"{path}/number/$value")
    assert (raw.body, raw.headers["content-type"]) == ("C-VARIED", "text/plain; charset=utf-8")
    assert central.get(f"{path}/unitPrice/$value").body == 0
    assert central.get(f"{path}/blocked/$value").body == "false"
    assert central.get(f"{path}/gtin/$value").status == 200
    assert central.get(f"{path}/number/$value/$value").code == "BadRequest_ResourceNotFound"
    assert central.get(f"{path}/number/number").code == "BadRequest_ResourceNotFound"
    assert central.get("items/number").code == "BadRequest_ResourceNotFound"
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert central.call(method, f"{path}/number", {"value": "x"}, {"If-Match": "*"}).status == 405
    assert central.get(f"items({ZERO})/number").code == "Internal_RecordNotFound"


def test_a_version_that_is_known_is_not_sent_again(central: Central, varied: str) -> None:
    """OData 4.0, Protocol 8.2.5: If-None-Match on one record."""
    path = f"items({varied})"
    read = central.get(path)
    etag = read.body["@odata.etag"]
    assert read.headers["etag"] == etag
    for said in (etag, "*", f'W/"b3RoZXI=", {etag}'):
        known = central.get(path, {"If-None-Match": said})
        assert (known.status, known.body, known.headers["etag"]) == (304, None, etag)
    assert central.get(path, {"If-None-Match": 'W/"b3RoZXI="'}).status == 200
    assert central.get("items", {"If-None-Match": "*"}).status == 200
    central.patch(path, {"displayName2": "moved"})
    assert central.get(path, {"If-None-Match": etag}).status == 200


def test_every_entity_carries_a_weak_etag(central: Central) -> None:
    """Contract, Reading: @odata.etag is W/" + base64 + "."""
    for record in central.get("currencies?$top=3").value:
        etag = record["@odata.etag"]
        assert etag.startswith('W/"')
        assert base64.b64decode(etag[3:-1], validate=True)


def paged(central: Central, path: str, size: int) -> Iterator[list[str]]:
    """The codes of each page."""
    while path:
        reply = central.get(path, {"Prefer": f"odata.maxpagesize={size}"})
        yield [record["code"] for record in reply.value]
        path = reply.body.get("@odata.nextLink", "")


def categories(central: Central, mark: str, count: int) -> list[str]:
    body = [{"code": f"{mark}{index:02d}", "displayName": "x"} for index in range(count)]
    return [str(central.made("itemCategories", each)["id"]) for each in body]


@pytest.mark.parametrize("order", ["", "&$orderby=code", "&$orderby=displayName desc,code desc"])
def test_a_next_link_stays_valid_while_records_come_and_go(central: Central, mark: str, order: str) -> None:
    """Contract, Reading: the next page is the opaque @odata.nextLink."""
    ids = categories(central, mark, 9)
    path = f"itemCategories?$filter=startswith(code,'{mark}')&$select=code{order}"
    every = [code for page in paged(central, path, 100) for code in page]
    first = central.get(path, {"Prefer": "odata.maxpagesize=3"}).body
    second = central.get(first["@odata.nextLink"], {"Prefer": "odata.maxpagesize=3"}).body
    number = {f"{mark}{index:02d}": record for index, record in enumerate(ids)}
    last_of_first, next_up = first["value"][-1]["code"], second["value"][0]["code"]
    for code in (first["value"][0]["code"], last_of_first, next_up):
        assert central.delete(f"itemCategories({number[code]})").status == 204
    central.made("itemCategories", {"code": f"{mark}00A", "displayName": "x"})
    again = list(paged(central, first["@odata.nextLink"], 3))
    seen = [code for page in again for code in page if code != f"{mark}00A"]
    assert seen == [code for code in every[3:] if code != next_up]


def test_a_next_link_is_an_address_wherever_it_leads_from(central: Central, mark: str) -> None:
    """Contract, Reading: follow the link as it is; Addresses: a company by ?company= or by its name."""
    item = central.made("items", {"number": mark})
    for code in ("A", "B"):
        central.made("itemVariants", {"itemId": item["id"], "code": code})
    one = {"Prefer": "odata.maxpagesize=1"}
    by_name = f"/companies({central.name})/items({item['id']})/itemVariants"
    for path in (
        f"items({item['id']})/itemVariants",
        f"/items({item['id']})/itemVariants?company={central.name}",
        by_name,
    ):
        link = central.get(path, one).body["@odata.nextLink"]
        assert " " not in link
        assert [variant["code"] for variant in central.get(link, one).value] == ["B"]


def test_a_next_link_keeps_what_was_asked(central: Central, mark: str) -> None:
    """Contract, Reading: follow the link as it is."""
    categories(central, mark, 7)
    path = f"itemCategories?$schemaversion=2.1&$filter=startswith(tolower(code),'{mark}')&$select=code&$skip=1&$top=5"
    pages = list(paged(central, path, 2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [code[-1] for page in pages for code in page] == list("12345")
    for one, other in pairwise(pages):
        assert not set(one) & set(other)


@pytest.mark.parametrize(
    "token",
    [
        "", "x", "eA==", "[]", "null", "5", '["x",1]', "[1,null]", "[null,{}]", "[null,[1]]", "[null,1,2]", "[-1.5,1]",
        '{"a":1}', "[true,1]", "[-1,1]",
    ],
)  # fmt: skip
def test_a_token_that_was_never_given_out_is_refused(central: Central, token: str) -> None:
    """Contract, Reading: the link is opaque; error codes: BadRequest."""
    for said in (token, base64.urlsafe_b64encode(token.encode()).decode()):
        assert central.get(f"items?$skiptoken={said}").code == "BadRequest"


def test_at_most_what_was_preferred_and_never_more_than_the_server_gives(central: Central, mark: str) -> None:
    """Contract, Reading: at most 20,000 a page; Prefer: odata.maxpagesize=N asks for fewer."""
    categories(central, mark, 3)
    path = f"itemCategories?$filter=startswith(code,'{mark}')"
    assert "@odata.nextLink" not in central.get(path, {"Prefer": "odata.maxpagesize=1000000"}).body
    assert len(central.get(path, {"Prefer": "odata.maxpagesize=2"}).value) == 2
    assert len(central.get(path, {"Prefer": "odata.maxpagesize=3"}).value) == 3
    assert "@odata.nextLink" not in central.get(path, {"Prefer": "odata.maxpagesize=3"}).body
    assert "@odata.nextLink" not in central.get(f"{path}&$top=2", {"Prefer": "odata.maxpagesize=2"}).body


def test_moments_are_utc_with_milliseconds(central: Central) -> None:
    """Contract, Reading: lastModifiedDateTime is UTC, milliseconds."""
    moment = central.get("paymentTerms?$top=1").value[0]["lastModifiedDateTime"]
    assert len(moment) == len("2026-01-01T00:00:00.000Z")
    assert moment.endswith("Z")


def test_neither_a_poll_nor_a_filter_shows_a_deletion(central: Central, mark: str) -> None:
    """Contract, Reading: delta links are gone; a deletion is never shown."""
    item = central.made("items", {"number": mark})
    since = item["lastModifiedDateTime"]
    assert central.delete(f"items({item['id']})").status == 204
    listed = central.get(f"items?$filter=lastModifiedDateTime ge {since}", {"Prefer": "odata.track-changes"})
    assert mark not in [each["number"] for each in listed.value]
    assert "@odata.deltaLink" not in listed.body
