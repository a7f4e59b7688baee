"""One test a fact of the contract, "Addresses and sign-in". Each docstring names its source.

Facts held elsewhere: sign-in with a token and with a password, and 401 `Authentication_InvalidCredentials`
(``test_server.py``); a company by id, name, parameter and header (``test_reading.py``) and in a batch
(``test_batch.py``); that the root lists the sets (``test_reading.py``) and `$metadata` (``test_metadata.py``).
"""

from __future__ import annotations

import re

import pytest

from sandbox_businesscentral.central import Central

NOWHERE = "11111111-1111-1111-1111-111111111111"


def test_ids_are_guids_without_quotes(central: Central, mark: str) -> None:
    """Contract, Addresses: ids are GUIDs without quotes."""
    item = central.made("items", {"number": mark})
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", item["id"])
    assert central.get(f"items({item['id']})").body["number"] == mark
    assert central.get(f"items({item['id'].upper()})").body["number"] == mark


@pytest.mark.parametrize("path", ["items", f"items({NOWHERE})", "items/$count", "salesOrders"])
def test_everything_but_companies_lives_below_one(central: Central, path: str) -> None:
    """Contract, Addresses: everything but companies, subscriptions and $metadata lives under companies({id})."""
    assert central.get(f"/{path}").code == "BadRequest_ResourceNotFound"


def test_the_header_and_the_parameter_reach_one_record_and_its_ways(central: Central, mark: str) -> None:
    """Contract, Addresses: a company may also be chosen by ?company=NAME or a Company header."""
    item = central.made("items", {"number": mark, "baseUnitOfMeasureCode": "PCS"})
    for name in (central.name, central.company, central.name.replace(" ", "%20")):
        path = f"/items({item['id']})/baseUnitOfMeasure"
        assert central.get(path, {"Company": name}).body["code"] == "PCS"
    named = central.name.replace(" ", "%20")
    assert central.get(f"/items({item['id']})?company={named}").body["number"] == mark
    changed = central.call("PATCH", f"/items({item['id']})?company={named}", {"displayName": "x"}, {"If-Match": "*"})
    assert changed.body["displayName"] == "x"
    assert central.get("/items", {"Company": "Nobody Ltd"}).code == "Internal_CompanyNotFound"
    assert central.get("/items?company=Nobody").code == "Internal_CompanyNotFound"


def test_companies_are_read_like_any_set(central: Central) -> None:
    """Documentation, dynamics_company: the properties of a company, and that it is only read."""
    listed = central.get("/companies?$select=name,id&$count=true")
    assert listed.body["@odata.count"] == 1
    assert listed.value == [{"id": central.company, "name": central.name}]
    assert central.get(f"/companies?$filter=name eq '{central.name}'").value[0]["id"] == central.company
    assert central.get("/companies?$filter=startswith(name,'No such')").value == []
    assert central.get("/companies?$top=0").value == []
    assert central.get("/companies/$count").body == 1
    assert central.get("/companies?$filter=nothing eq 1").code == "BadRequest"
    assert central.get(f"/companies({NOWHERE})").code == "Internal_CompanyNotFound"
    assert central.post("/companies", {}).code == "BadRequest_MethodNotAllowed"
    one = central.get(f"/companies({central.company})").body
    assert one["@odata.context"].endswith("/$metadata#companies/$entity")
    assert isinstance(one["timestamp"], int)


def test_answers_tell_where_they_belong(central: Central, mark: str) -> None:
    """Documentation, "Tips for working with APIs", and the examples of the resource pages: @odata.context."""
    item = central.made("items", {"number": mark})
    context = f"{central.root}/$metadata#companies({central.company})/items"
    assert item["@odata.context"] == f"{context}/$entity"
    assert central.get("items?$top=1").body["@odata.context"] == context
    assert central.get("/companies").body["@odata.context"] == f"{central.root}/$metadata#companies"
    assert central.get("/").body["@odata.context"] == f"{central.root}/$metadata"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nothings", "BadRequest_ResourceNotFound"),
        ("items/nothing", "BadRequest_ResourceNotFound"),
        ("items/$count/$count", "BadRequest_ResourceNotFound"),
        ("items/$value", "BadRequest_ResourceNotFound"),
        ("items(1000)", "BadRequest_NotFound"),
        ("items(", "BadRequest_NotFound"),
        ("items)", "BadRequest_NotFound"),
        ("companies", "BadRequest_ResourceNotFound"),
        ("$metadata", "BadRequest_ResourceNotFound"),
        ("items(%0A)", "BadRequest_ResourceNotFound"),
    ],
)
def test_an_address_that_names_nothing_is_not_found(central: Central, path: str, code: str) -> None:
    """Documentation, dynamics-error-codes: "Resource not found for the segment", "Error in query syntax"."""
    refused = central.get(path)
    assert (refused.status, refused.code) == (404, code)


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "MERGE", "TRACE"])
@pytest.mark.parametrize("path", ["items", f"items({NOWHERE})", "/companies", "/", "/$metadata"])
def test_other_methods_are_not_allowed(central: Central, method: str, path: str) -> None:
    """Contract, Writing: no PUT; Errors: BadRequest_MethodNotAllowed is 405."""
    refused = central.call(method, path)
    assert refused.status == 405
    if method != "HEAD":
        assert refused.code == "BadRequest_MethodNotAllowed"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Language": "de-DE"},
        {"Data-Access-Intent": "ReadOnly"},
        {"Data-Access-Intent": "ReadWrite"},
        {"Accept": "application/json;odata.metadata=minimal"},
        {"Accept": "*/*"},
        {"Accept": "application/json;odata.metadata=full"},
        {"Accept": "application/xml"},
        {"OData-MaxVersion": "4.01", "OData-Version": "4.0"},
        {"Prefer": "return=representation, odata.include-annotations=*"},
    ],
)
def test_headers_of_a_client_are_accepted(central: Central, headers: dict[str, str]) -> None:
    """Documentation, "Tips for working with APIs": Accept-Language and Data-Access-Intent; contract, Reading."""
    answered = central.get("items?$top=1", headers)
    assert answered.status == 200
    assert answered.headers["content-type"].startswith("application/json")
    assert answered.headers["odata-version"] == "4.0"


def test_an_intent_to_only_read_is_refused_for_what_writes(central: Central, mark: str) -> None:
    """Documentation, "Tips for working with APIs": specifying ReadOnly for such requests will result in an error."""
    refused = central.post("items", {"number": mark}, {"Data-Access-Intent": "ReadOnly"})
    assert (refused.status, refused.code) == (400, "BadRequest_InvalidOperation")
    assert central.get(f"items?$filter=number eq '{mark}'").value == []
    assert central.post("items", {"number": mark}, {"Data-Access-Intent": "ReadWrite"}).status == 201
