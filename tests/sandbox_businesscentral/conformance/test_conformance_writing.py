"""One test a fact of the contract, "Writing", as far as it is about the protocol. Each docstring names its source.

Facts held elsewhere. ``test_writing.py``: created, changed, deleted; stale, missing and star tags; every refusal of a
value by its code; two names of one relation; numbers; the order of properties. ``test_batch.py``: JSON batches.
``test_salesorders.py``: deep insert, lines by order and by themselves.
"""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from sandbox_businesscentral.central import Central, Reply


def raw(central: Central, method: str, path: str, body: bytes, kind: str | None = "application/json") -> Reply:
    """A request with a body that need not be JSON."""
    address = urlsplit(f"{central.root}/companies({central.company})/{path}")
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    try:
        connection.request(
            method, f"{address.path}?{address.query}", body, {} if kind is None else {"Content-Type": kind}
        )
        answer = connection.getresponse()
        text = answer.read()
        return Reply(answer.status, json.loads(text) if text else None, dict(answer.headers))
    finally:
        connection.close()


def test_a_create_answers_with_the_whole_entity_and_where_it_is(central: Central, mark: str) -> None:
    """Contract, Writing: POST creates: 201 and the full entity."""
    created = central.post("items", {"number": mark})
    assert created.status == 201
    assert created.headers["location"] == f"{central.root}/companies({central.company})/items({created.body['id']})"
    assert created.headers["etag"] == created.body["@odata.etag"]
    assert created.body == central.get(f"items({created.body['id']})").body


def test_a_change_answers_with_the_whole_entity(central: Central, mark: str) -> None:
    """Contract, Writing: PATCH changes: 200 and the full entity."""
    item = central.made("items", {"number": mark})
    changed = central.patch(f"items({item['id']})", {"displayName": "x"}, item["@odata.etag"])
    assert (changed.status, changed.headers["etag"]) == (200, changed.body["@odata.etag"])
    assert changed.body == central.get(f"items({item['id']})").body
    assert set(changed.body) == set(item)


def test_a_write_may_select_and_expand_its_answer(central: Central, mark: str) -> None:
    """OData 4.0, Protocol 11.4.2 and 11.4.3; the E2E tests of the AL sources post orders with $expand."""
    made = central.post(
        "items?$select=number&$expand=baseUnitOfMeasure", {"number": mark, "baseUnitOfMeasureCode": "PCS"}
    )
    assert set(made.body) == {"@odata.context", "@odata.etag", "number", "baseUnitOfMeasure"}


def test_a_write_whose_answer_cannot_be_given_is_not_done(central: Central, mark: str) -> None:
    """Contract, Writing: a refusal changes nothing, wherever it comes from."""
    for query in ("$expand=nothing", "$select=nothing", "$top=x"):
        assert central.post(f"items?{query}", {"number": mark}).code == "BadRequest"
    assert central.get(f"items?$filter=number eq '{mark}'").value == []
    item = central.made("items", {"number": mark})
    assert central.patch(f"items({item['id']})?$expand=nothing", {"displayName": "x"}).code == "BadRequest"
    assert central.fresh("items", item) == item


@pytest.mark.parametrize("query", ["$skip=1", "$top=0", "$filter=number eq 'X'", "$orderby=number", "$count=true"])
def test_options_of_a_list_do_not_matter_for_one_record(central: Central, mark: str, query: str) -> None:
    """Found by chance: the answer to a create was looked for behind the record that was just created."""
    made = central.post(f"items?{query}", {"number": mark})
    assert (made.status, made.body["number"]) == (201, mark)
    path = f"items({made.body['id']})?{query}"
    assert central.get(path).body["number"] == mark
    assert central.patch(path, {"displayName": "x"}).body["displayName"] == "x"


def test_there_is_no_upsert(central: Central, mark: str) -> None:
    """Contract, Writing: no PUT, no upsert."""
    nowhere = "11111111-1111-1111-1111-111111111111"
    assert central.patch(f"items({nowhere})", {"number": mark}).code == "Internal_RecordNotFound"
    assert central.delete(f"items({nowhere})").code == "Internal_RecordNotFound"
    assert central.get(f"items?$filter=number eq '{mark}'").value == []


def test_a_record_is_not_created_where_it_is(central: Central, mark: str) -> None:
    """Error codes: BadRequest_MethodNotAllowed."""
    item = central.made("items", {"number": mark})
    for path in (f"items({item['id']})", "items/$count", f"items({item['id']})/baseUnitOfMeasure"):
        refused = central.post(path, {"displayName": "x"})
        assert (refused.status, refused.code) == (405, "BadRequest_MethodNotAllowed")
    for method in ("PATCH", "DELETE"):
        refused = central.call(method, "items", {"displayName": "x"}, {"If-Match": "*"})
        assert (refused.status, refused.code) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize("path", ["items", "customers", "salesOrders"])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"5", b'"text"', b"{'a': 1}", b'{"displayName": "\xff"}', b"\xff\xfe{\x00}\x00",
        b'{"displayName": "\\ud800"}', b'{"displayName": NaN}', b"[" * 100_000, b'{"displayName":' * 5_000, b"{} {}",
        b'{"displayName": 1e999999}', b'{"displayName": {"a": 1}}', b'{"displayName": ["a"]}', b'{"": 1}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_record_is_refused(central: Central, path: str, body: bytes) -> None:
    """Documentation, dynamics-error-codes: BadRequest, "Invalid Request Body"."""
    before = central.get(f"{path}/$count").body
    refused = raw(central, "POST", path, body)
    assert (refused.status, refused.code) == (400, "BadRequest")
    assert central.get(f"{path}/$count").body == before


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nothing", ""])
def test_a_body_of_another_kind_is_refused(central: Central, mark: str, kind: str) -> None:
    """OData 4.0, Protocol 9.3 and RFC 7231: 415 for a format that is not supported."""
    refused = raw(central, "POST", "items", json.dumps({"number": mark}).encode(), kind)
    assert (refused.status, refused.code) == (415, "BadRequest")
    assert central.get(f"items?$filter=number eq '{mark}'").value == []


@pytest.mark.parametrize("kind", ["application/json;odata.metadata=minimal", "Application/JSON; charset=utf-8", None])
def test_json_is_taken_with_parameters_and_without_a_name(central: Central, mark: str, kind: str | None) -> None:
    """OData 4.0, JSON format 3: the media type's parameters."""
    assert raw(central, "POST", "items", json.dumps({"number": mark}).encode(), kind).status == 201


def test_control_information_is_not_a_property(central: Central, mark: str) -> None:
    """OData 4.0, JSON format 4.5: a client may send back what it read, annotations and all."""
    body = {"@odata.context": "x", "@odata.type": "#Microsoft.NAV.item", "number": mark, "number@odata.type": "#String"}
    item = central.made("items", body)
    back = {name: item[name] for name in ("@odata.context", "@odata.etag", "displayName")}
    assert central.patch(f"items({item['id']})", back, item["@odata.etag"]).status == 200


def test_every_refusal_has_the_shape_of_the_contract(central: Central, mark: str) -> None:
    """Contract, Writing: {"error": {"code", "message"}}, the message ending in CorrelationId:  GUID."""
    item = central.made("items", {"number": mark})
    for refused in (
        central.get("nothings"),
        central.get("items?$top=x"),
        central.post("items", {"number": mark}),
        central.patch(f"items({item['id']})", {"id": item["id"]}),
        central.patch(f"items({item['id']})", {"displayName": "x"}, 'W/"c3RhbGU="'),
        central.call("PUT", f"items({item['id']})", {}),
        central.post(f"items({item['id']})/Microsoft.NAV.nothing", {}),
    ):
        assert set(refused.body) == {"error"}
        assert set(refused.body["error"]) == {"code", "message"}
        assert refused.message[:-1].rpartition("CorrelationId:  ")[2].count("-") == 4
        assert refused.headers["content-type"].startswith("application/json")


def test_a_refused_change_leaves_the_record_as_it_was(central: Central, mark: str) -> None:
    """Contract, Writing: properties apply in the order sent, and a refusal undoes those before it."""
    item = central.made("items", {"number": mark, "displayName": "before"})
    assert central.patch(f"items({item['id']})", {"displayName": "after", "gtin": "1" * 15}).status == 400
    assert central.fresh("items", item) == item


def test_a_way_to_one_record_is_changed_through_it(central: Central, mark: str) -> None:
    """OData 4.0, Protocol 11.4.3: the address of an update is any that names the one entity."""
    item = central.made("items", {"number": mark})
    code = central.made("itemCategories", {"code": mark, "displayName": "one"})
    assert central.patch(f"items({item['id']})", {"itemCategoryId": code["id"]}).status == 200
    unit = central.made("unitsOfMeasure", {"code": mark, "displayName": "one"})
    central.patch(f"items({item['id']})", {"baseUnitOfMeasureId": unit["id"]})
    path = f"items({item['id']})/baseUnitOfMeasure"
    assert central.call("PATCH", path, {"displayName": "two"}).code == "BadRequest_InvalidToken"
    assert central.patch(path, {"displayName": "two"}).body["displayName"] == "two"
    assert central.fresh("unitsOfMeasure", unit)["displayName"] == "two"


def test_an_action_is_posted_and_needs_its_entity(central: Central) -> None:
    """Contract, "How the four entities behave": Microsoft.NAV.shipAndInvoice; documentation: bound actions."""
    nowhere = "11111111-1111-1111-1111-111111111111"
    path = f"salesOrders({nowhere})/Microsoft.NAV.shipAndInvoice"
    assert central.post(path, {}).code == "Internal_RecordNotFound"
    assert central.get(path).code == "BadRequest_MethodNotAllowed"
    item = central.made("items", {})
    for method in ("PATCH", "DELETE"):
        refused = central.call(method, f"items({item['id']})/Microsoft.NAV.post", {}, {"If-Match": "*"})
        assert (refused.status, refused.code) == (405, "BadRequest_MethodNotAllowed")
    assert central.fresh("items", item) == item
    assert central.post("salesOrders/Microsoft.NAV.shipAndInvoice", {}).status == 404
    assert central.post(f"{path}/number", {}).status == 404
