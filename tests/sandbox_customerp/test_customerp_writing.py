from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from sandbox_customerp.erp import Erp

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


# --- create


def test_a_created_record_is_answered_whole_and_read_back_the_same(erp: Erp, mark: str) -> None:
    reply = erp.post("customers", {"name": mark, "address": {"city": "Århus"}})
    record = reply.record
    assert reply.status == 201
    assert reply.headers["location"] == f"/api/customers/{record['id']}"
    assert reply.headers["etag"] == record["etag"]
    assert record["name"] == mark
    assert record["address"] == {
        "street": None, "street2": None, "city": "Århus", "region": None, "postalCode": None, "country": None
    }  # fmt: skip
    assert _MOMENT.fullmatch(record["createdAt"])
    assert record["updatedAt"] == record["createdAt"]
    again = erp.get(f"customers/{record['id']}")
    assert again.record == record
    assert again.headers["etag"] == record["etag"]


def test_what_is_not_given_has_its_default(erp: Erp) -> None:
    customer, product = erp.made("customers"), erp.made("products")
    assert (customer["hold"], customer["taxable"], customer["creditLimit"]) == ("none", None, None)
    assert (product["kind"], product["active"], product["priceIncludesTax"]) == ("stock", True, None)
    order = erp.made("orders", lines=[{"productId": product["id"]}, {"description": "a text"}])
    assert (order["status"], order["invoiceNumbers"]) == ("draft", [])
    assert [line["kind"] for line in order["lines"]] == ["product", "text"]
    assert erp.made("contacts")["doNotContact"] is None


def test_an_empty_text_is_an_empty_property(erp: Erp) -> None:
    assert erp.made("customers", name="", phone=None)["name"] is None


@pytest.mark.parametrize(
    ("entity", "number", "pattern"),
    [
        ("customers", "customerNo", r"CU\d{5}"),
        ("contacts", "contactNo", r"P\d{5}"),
        ("orders", "orderNo", r"SO\d{5}"),
        ("products", "sku", r"SKU\d{5}"),
    ],
)
def test_numbers_come_from_a_series_or_are_given_and_never_repeat(
    erp: Erp, mark: str, entity: str, number: str, pattern: str
) -> None:
    assert erp.made(entity, **{number: mark})[number] == mark
    taken = erp.post(entity, {number: mark})
    assert (taken.status, taken.mistaken) == (409, [number])
    assert mark in taken.body["detail"]

    first = erp.made(entity)
    assert re.fullmatch(pattern, first[number])
    prefix, count = first[number].rstrip("0123456789"), int(re.sub(r"\D", "", first[number]))
    ahead = f"{prefix}{count + 1:05d}"
    erp.delete(f"{entity}/{erp.made(entity, **{number: ahead})['id']}")
    erp.delete(f"{entity}/{first['id']}")
    assert erp.made(entity)[number] == f"{prefix}{count + 2:05d}"


@pytest.mark.parametrize("number", ["0.1", "1.10", "123456789012345", "-0.005", "79228162514.2643", "5", "1e3"])
def test_numbers_are_kept_exactly(erp: Erp, number: str) -> None:
    reply = erp.post("customers", f'{{"creditLimit": {number}}}'.encode())
    kept = erp.get(f"customers/{reply.record['id']}").record["creditLimit"]
    assert kept == Decimal(number)
    assert "e" not in str(kept).lower()
    assert len(str(kept)) == len(number) or number == "1e3"


@pytest.mark.parametrize(
    ("entity", "body", "mistaken"),
    [
        ("customers", {"nmae": "x"}, "nmae"),
        ("customers", {"address": {"town": "x"}}, "address.town"),
        ("customers", {"address": "x"}, "address"),
        ("customers", {"name": "x" * 201}, "name"),
        ("customers", {"name": 7}, "name"),
        ("customers", {"taxable": "yes"}, "taxable"),
        ("customers", {"creditLimit": "7"}, "creditLimit"),
        ("customers", {"creditLimit": True}, "creditLimit"),
        ("customers", {"creditLimit": 10**15}, "creditLimit"),
        ("customers", {"creditLimit": 1e-11}, "creditLimit"),
        ("customers", {"hold": "None"}, "hold"),
        ("customers", {"hold": ["none"]}, "hold"),
        ("customers", {"id": "mine"}, "id"),
        ("customers", {"etag": '"1"'}, "etag"),
        ("customers", {"createdAt": "2026-01-01T00:00:00.000Z"}, "createdAt"),
        ("contacts", {"lastContacted": "2026-02-30"}, "lastContacted"),
        ("contacts", {"lastContacted": "20260230"}, "lastContacted"),
        ("contacts", {"customerId": "nobody"}, "customerId"),
        ("orders", {"billToCustomerId": "nobody"}, "billToCustomerId"),
        ("orders", {"lines": [{}, {"productId": "nothing"}]}, "lines[1].productId"),
        ("orders", {"lines": [{"quantity": "1"}]}, "lines[0].quantity"),
        ("orders", {"lines": [{"colour": "red"}]}, "lines[0].colour"),
        ("orders", {"lines": [{"id": "mine"}]}, "lines[0].id"),
        ("orders", {"lines": [{"id": ["mine"]}]}, "lines[0].id"),
        ("orders", {"lines": {}}, "lines"),
        ("orders", {"lines": ["x"]}, "lines[0]"),
        ("orders", {"invoiceNumbers": "x"}, "invoiceNumbers"),
        ("orders", {"invoiceNumbers": [None]}, "invoiceNumbers[0]"),
        ("orders", {"totals": {"net": "1"}}, "totals.net"),
        ("products", {"price": -0.01}, "price"),
        ("products", [], ""),
    ],
)
def test_a_property_that_cannot_be_taken_is_named(erp: Erp, entity: str, body: object, mistaken: str) -> None:
    before = erp.position()
    reply = erp.post(entity, body)
    assert (reply.status, reply.mistaken) == (422, [mistaken])
    assert reply.body["errors"][0]["message"] in reply.body["detail"]
    assert erp.position() == before


def test_all_mistakes_are_told_at_once_with_a_hint(erp: Erp) -> None:
    reply = erp.post("customers", {"emial": "x", "creditLimit": "x", "hold": "x"})
    assert sorted(reply.mistaken) == ["creditLimit", "emial", "hold"]
    assert "did you mean email?" in str(reply.body)


def test_a_number_that_is_bound_to_no_property_is_no_record(erp: Erp, mark: str) -> None:
    assert erp.post("orders", {"orderNo": mark, "customerId": "nobody"}).status == 422
    assert erp.made("orders", orderNo=mark)["orderNo"] == mark


@pytest.mark.parametrize("body", [b"", b"{", b'{"name": "\xff"}', b"[" * 100_000, b'{"creditLimit": NaN}'])
def test_what_is_not_json_is_refused(erp: Erp, body: bytes) -> None:
    reply = erp.post("customers", body)
    assert (reply.status, reply.mistaken) == (400, [])
    assert "not JSON" in reply.body["detail"]


def test_a_body_that_is_not_sent_as_json_is_refused(erp: Erp) -> None:
    assert erp.post("customers", {}, {"Content-Type": "text/plain"}).status == 415
    assert erp.post("customers", {}, {"Content-Type": "application/json; charset=utf-8"}).status == 201


def test_a_body_that_is_too_large_is_refused(erp: Erp) -> None:
    assert erp.post("customers", b'"' + b"x" * (10 * 1024 * 1024) + b'"').status == 413


# --- create once


def test_a_create_that_is_sent_again_is_done_once(erp: Erp, mark: str) -> None:
    key = {"Idempotency-Key": mark}
    first = erp.post("customers", {"name": mark, "creditLimit": 1.5}, key)
    assert "idempotent-replay" not in first.headers
    erp.patch(f"customers/{first.record['id']}", {"name": "changed since"})
    again = erp.post("customers", b'{ "creditLimit": 1.5, "name": "%s" }' % mark.encode(), key)
    assert again.status == 201
    assert again.body == first.body
    assert again.headers["idempotent-replay"] == "true"
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"]
    assert erp.get("customers", name=mark).items == []

    other = erp.post("customers", {"name": "another"}, key)
    assert other.status == 422
    assert "another body" in other.body["detail"]


def test_a_key_holds_for_one_entity_and_for_success_only(erp: Erp, mark: str) -> None:
    key = {"Idempotency-Key": mark}
    assert erp.post("contacts", {"email": 7}, key).status == 422
    assert erp.post("contacts", {"email": "a"}, key).status == 201
    assert erp.post("products", {"name": "a"}, key).status == 201
    assert erp.post("products", {}, {"Idempotency-Key": "x" * 256}).status == 400


# --- update


def test_a_merge_patch_changes_what_it_names_and_null_takes_away(erp: Erp, mark: str) -> None:
    old = erp.made("customers", name=mark, email="e", hold="all", address={"city": "Oslo", "street": "Gata 1"})
    reply = erp.patch(
        f"customers/{old['id']}", {"email": None, "hold": None, "address": {"city": "Bergen"}}, old["etag"]
    )
    new = reply.record
    assert reply.status == 200
    assert reply.headers["etag"] == new["etag"] != old["etag"]
    assert new["updatedAt"] >= old["updatedAt"]
    changed = {"email": None, "hold": "none", "address": {**old["address"], "city": "Bergen"}}
    stamps = {name: new[name] for name in ("etag", "updatedAt")}
    assert new == {**old, **changed, **stamps}
    assert erp.get(f"customers/{old['id']}").record == new
    whole = erp.patch(f"customers/{old['id']}", {"address": None}).record
    assert set(whole["address"].values()) == {None}


def test_a_patch_may_be_sent_as_plain_json(erp: Erp) -> None:
    record = erp.made("products")
    headers = {"If-Match": record["etag"]}
    assert erp.call("PATCH", f"products/{record['id']}", {"name": "x"}, headers).record["name"] == "x"


@pytest.mark.parametrize(
    "patch", [{}, {"name": "same"}, {"creditLimit": 1.50}, {"phone": None}, {"phone": ""}, {"address": {}}]
)
def test_a_patch_that_changes_nothing_leaves_the_version(erp: Erp, patch: dict[str, Any]) -> None:
    old = erp.post("customers", b'{"name": "same", "creditLimit": 1.500}').record
    before = erp.position()
    assert erp.patch(f"customers/{old['id']}", patch, old["etag"]).record == old
    assert erp.position() == before


def test_an_update_is_refused_when_the_record_has_moved(erp: Erp) -> None:
    old = erp.made("customers", name="a")
    path = f"customers/{old['id']}"
    new = erp.patch(path, {"name": "b"}, old["etag"]).record
    stale = erp.patch(path, {"name": "c"}, old["etag"])
    assert (stale.status, stale.headers["etag"]) == (412, new["etag"])
    assert erp.delete(path, old["etag"]).status == 412
    assert erp.call("PATCH", path, {"name": "c"}).status == 428
    assert erp.call("DELETE", path).status == 428
    assert erp.patch(path, {"name": "c"}, "unquoted").status == 400
    assert erp.patch(path, {"name": "c"}, "W/" + new["etag"]).status == 412
    assert erp.get(path).record == new
    assert erp.patch(path, {"name": "c"}, f'"0", {new["etag"]}').record["name"] == "c"
    assert erp.patch(path, {"name": "d"}, "*").record["name"] == "d"


def test_a_patch_is_checked_as_a_create_is(erp: Erp, mark: str) -> None:
    other = erp.made("customers", customerNo=mark)
    path = f"customers/{erp.made('customers', customerNo=mark + 'b')['id']}"
    assert erp.patch(path, {"nmae": None}).mistaken == ["nmae"]
    assert erp.patch(path, {"etag": None}).mistaken == ["etag"]
    assert erp.patch(path, {"address": {"city": 1}}).mistaken == ["address.city"]
    assert erp.patch(path, [1]).status == 422
    assert erp.patch(path, {"customerNo": mark}).status == 409
    assert erp.patch(path, {"customerNo": mark + "c"}).record["customerNo"] == mark + "c"
    erp.patch(f"customers/{other['id']}", {"customerNo": mark + "b"})
    assert re.fullmatch(r"CU\d{5}", erp.patch(path, {"customerNo": None}).record["customerNo"])


def test_a_record_that_is_not_there_is_not_found(erp: Erp) -> None:
    order = erp.made("orders")
    for path in ("customers/nobody", f"customers/{order['id']}"):
        assert erp.get(path).status == 404
        assert erp.patch(path, {}).status == 404
        assert erp.delete(path).status == 404


# --- lines


def test_lines_keep_their_identity_as_long_as_they_are_sent(erp: Erp) -> None:
    texts = ("first", "second", "third")
    order = erp.made("orders", lines=[{"description": text, "quantity": 2} for text in texts])
    path = f"orders/{order['id']}"
    first, second, third = order["lines"]
    assert len({line["id"] for line in order["lines"]}) == 3

    patched = [third, {"description": "new"}, {"id": first["id"], "description": "changed"}]
    lines = erp.patch(path, {"lines": patched}, order["etag"]).record["lines"]
    assert [line["description"] for line in lines] == ["third", "new", "changed"]
    assert lines[0] == third
    assert lines[1]["id"] not in {line["id"] for line in order["lines"]}
    assert (lines[2]["id"], lines[2]["quantity"]) == (first["id"], None)

    gone = erp.patch(path, {"lines": [second]})
    assert (gone.status, gone.mistaken) == (422, ["lines[0].id"])
    assert erp.patch(path, {"lines": [third, third]}).mistaken == ["lines[1].id"]
    assert erp.patch(path, {"phone": "1"}).record["lines"] == lines
    assert erp.patch(path, {"lines": None}).record["lines"] == []


def test_what_accounting_reports_of_an_order_can_be_written(erp: Erp) -> None:
    order = erp.made("orders", lines=[{"description": "x", "quantity": 3, "unitPrice": 1}])
    reported = {
        "bcNumber": "S-1",
        "status": "completed",
        "fullyShipped": True,
        "totals": {"net": 3, "tax": 1, "gross": 4},
        "invoiceNumbers": ["I1", "I2"],
        "lines": [{**order["lines"][0], "shipped": 3, "invoiced": 3, "net": 3, "tax": 1, "discountAmount": 0}],
    }
    told = erp.patch(f"orders/{order['id']}", reported, order["etag"]).record
    assert {name: told[name] for name in reported} == reported


# --- delete


def test_a_deleted_record_is_gone(erp: Erp, mark: str) -> None:
    record = erp.made("customers", customerNo=mark)
    reply = erp.delete(f"customers/{record['id']}", record["etag"])
    assert (reply.status, reply.body) == (204, None)
    assert erp.get(f"customers/{record['id']}").status == 404
    assert erp.get("customers", customerNo=mark).items == []
    assert erp.made("customers", customerNo=mark)["id"] != record["id"]


def test_what_is_referred_to_cannot_be_deleted(erp: Erp) -> None:
    customer, payer, product = erp.made("customers"), erp.made("customers"), erp.made("products")
    contact = erp.made("contacts", customerId=customer["id"])
    lines = [{"productId": product["id"]}, {"productId": product["id"]}]
    order = erp.made("orders", customerId=customer["id"], billToCustomerId=payer["id"], lines=lines)
    paths = {"customer": f"customers/{customer['id']}", "payer": f"customers/{payer['id']}"}
    refused = erp.delete(paths["customer"])
    assert refused.status == 409
    assert "contacts (customerId), orders (customerId)" in refused.body["detail"]
    assert "orders (billToCustomerId)" in erp.delete(paths["payer"]).body["detail"]
    assert "orders (lines.productId)" in erp.delete(f"products/{product['id']}").body["detail"]

    erp.patch(f"orders/{order['id']}", {"lines": [order["lines"][0]], "billToCustomerId": None})
    assert erp.delete(paths["payer"]).status == 204
    assert erp.delete(f"products/{product['id']}").status == 409
    assert erp.delete(f"orders/{order['id']}").status == 204
    assert erp.delete(f"products/{product['id']}").status == 204
    assert erp.delete(f"contacts/{contact['id']}").status == 204
    assert erp.delete(paths["customer"]).status == 204
