from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from sandbox_businesscentral.central import Central

ZERO = "00000000-0000-0000-0000-000000000000"
NOWHERE = "11111111-1111-1111-1111-111111111111"


def test_a_record_is_created_changed_and_deleted(central: Central, mark: str) -> None:
    created = central.post("itemCategories", {"code": f" {mark.lower()} ", "displayName": "one"})
    assert created.status == 201
    assert created.body["code"] == mark
    assert created.headers["location"].endswith(f"/itemCategories({created.body['id']})")
    changed = central.patch(
        f"itemCategories({created.body['id']})", {"displayName": "two"}, created.body["@odata.etag"]
    )
    assert (changed.status, changed.body["displayName"], changed.body["code"]) == (200, "two", mark)
    assert changed.body["@odata.etag"] != created.body["@odata.etag"]
    assert central.delete(f"itemCategories({created.body['id']})", changed.body["@odata.etag"]).status == 204
    assert central.get(f"itemCategories({created.body['id']})").code == "Internal_RecordNotFound"


def test_ids_count_on_as_those_of_sql_server_do(central: Central, mark: str) -> None:
    """They are version-1 UUIDs, told with the bytes of the first three parts in reverse."""
    made = [UUID(central.made("items", {"number": f"{mark}{n}"})["id"]) for n in range(300)]
    told = [UUID(bytes_le=id_.bytes) for id_ in made]
    assert {id_.version for id_ in told} == {1}
    assert {id_.fields[3:] for id_ in told} == {told[0].fields[3:]}
    times = [id_.time for id_ in told]
    assert times == sorted(times)
    assert times[-1] - times[0] < 1_000_000


def test_a_stale_etag_is_a_conflict_and_a_star_overwrites(central: Central, mark: str) -> None:
    item = central.made("items", {"number": mark})
    path = f"items({item['id']})"
    assert central.patch(path, {"displayName": "first"}, item["@odata.etag"]).status == 200
    for refused in (
        central.patch(path, {"displayName": "second"}, item["@odata.etag"]),
        central.delete(path, item["@odata.etag"]),
    ):
        assert (refused.status, refused.code) == (409, "Request_EntityChanged")
    assert central.patch(path, {"displayName": "third"}, "*").status == 200
    assert central.fresh("items", item)["displayName"] == "third"


def test_a_change_needs_an_etag(central: Central, mark: str) -> None:
    item = central.made("items", {"number": mark})
    for refused in (
        central.call("PATCH", f"items({item['id']})", {"displayName": "x"}),
        central.call("DELETE", f"items({item['id']})"),
    ):
        assert (refused.status, refused.code) == (400, "BadRequest_InvalidToken")


@pytest.mark.parametrize(
    ("entity_set", "body", "code", "named"),
    [
        ("customers", {"displayName": "x" * 101}, "Application_StringExceededLength", "displayName"),
        ("items", {"gtin": "1" * 15}, "Application_StringExceededLength", "gtin"),
        ("customers", {"displayName": "x", "nickname": "y"}, "BadRequest", "nickname"),
        ("customers", {"displayName": "x", "id": NOWHERE}, "BadRequest_InvalidOperation", "id"),
        ("customers", {"displayName": "x", "balanceDue": 1}, "BadRequest_InvalidOperation", "balanceDue"),
        ("customers", {"displayName": "x", "type": "Partner"}, "BadRequest", "type"),
        ("items", {"type": "Non-Inventory"}, "BadRequest", "Non-Inventory"),
        ("customers", {"displayName": "x", "creditLimit": "much"}, "BadRequest", "creditLimit"),
        ("customers", {"displayName": 5}, "BadRequest", "displayName"),
        ("customers", {"displayName": "x", "taxLiable": "yes"}, "BadRequest", "taxLiable"),
        ("customers", {"displayName": "x", "currencyId": "EUR"}, "Application_InvalidGUID", "currencyId"),
        (
            "customers",
            {"displayName": "x", "country": "ZZ"},
            "Internal_InvalidTableRelation",
            '"country" cannot be set to ZZ',
        ),
        ("customers", {"displayName": "x", "salespersonCode": "NOBODY"}, "Internal_InvalidTableRelation", "NOBODY"),
        (
            "customers",
            {"displayName": "x", "paymentTermsId": NOWHERE},
            "Internal_InvalidTableRelation",
            "paymentTermsId",
        ),
        ("customers", {"displayName": "x", "currencyCode": "QQQ"}, "Application_DialogException", "currencyCode"),
        ("customers", {"displayName": ""}, "Application_DialogException", "displayName"),
        ("customers", {}, "Application_DialogException", "displayName"),
        ("contacts", {"displayName": ""}, "Application_DialogException", "displayName"),
        ("items", {"unitPrice": -1}, "Application_FieldValidationException", "unitPrice"),
        ("items", {"unitPrice": 1e30}, "Application_EvaluateException", "unitPrice"),
        ("items", {"baseUnitOfMeasureCode": "ELL"}, "Application_DialogException", "ELL"),
        ("items", {"itemCategoryCode": "NONE"}, "Internal_InvalidTableRelation", "NONE"),
        ("items", {"generalProductPostingGroupCode": "NONE"}, "Internal_InvalidTableRelation", "NONE"),
        ("items", {"inventory": 5}, "Application_DialogException", "Inventory"),
        ("salesOrders", {}, "Application_DialogException", '"customerNumber" or a "customerId"'),
        ("salesOrders", {"number": "X"}, "BadRequest_InvalidOperation", "number"),
        ("salesOrders", {"orderDate": "24/12/2026"}, "BadRequest", "orderDate"),
        ("salesOrders", {"customerId": NOWHERE}, "Internal_InvalidTableRelation", "customerId"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_code_and_named(
    central: Central, entity_set: str, body: dict[str, object], code: str, named: str
) -> None:
    before = central.get(f"{entity_set}/$count").body
    reply = central.post(entity_set, body)
    assert (reply.status, reply.code) == (400, code)
    assert named in reply.message
    assert central.get(f"{entity_set}/$count").body == before


@pytest.mark.parametrize(("method", "path"), [("POST", "accounts"), ("POST", "contactsInformation"), ("PUT", "items")])
def test_what_a_set_does_not_allow_is_refused(central: Central, method: str, path: str) -> None:
    reply = central.call(method, path, {"displayName": "x"})
    assert (reply.status, reply.code) == (405, "BadRequest_MethodNotAllowed")


@pytest.mark.parametrize(
    ("by_id", "by_code", "table", "code", "other"),
    [
        ("itemCategoryId", "itemCategoryCode", "itemCategories", "CHAIR", "DESK"),
        ("taxGroupId", "taxGroupCode", "taxGroups", "STANDARD", "ZERO"),
        ("baseUnitOfMeasureId", "baseUnitOfMeasureCode", "unitsOfMeasure", "PCS", "BOX"),
        ("inventoryPostingGroupId", "inventoryPostingGroupCode", "inventoryPostingGroups", "RESALE", "FINISHED"),
        (
            "generalProductPostingGroupId",
            "generalProductPostingGroupCode",
            "generalProductPostingGroups",
            "RETAIL",
            "MISC",
        ),
    ],
)
def test_an_id_and_a_code_name_the_same_and_must_agree(
    central: Central, by_id: str, by_code: str, table: str, code: str, other: str
) -> None:
    record = central.code(table, code)
    assert central.made("items", {by_id: record})[by_code] == code
    item = central.made("items", {by_code: code.lower()})
    assert item[by_id] == record
    assert central.made("items", {by_id: record, by_code: code})[by_code] == code
    for body in ({by_id: record, by_code: other}, {by_code: other, by_id: record}):
        assert central.post("items", body).code == "Application_DialogException"
    emptied = central.patch(f"items({item['id']})", {by_code: ""}).body
    assert (emptied[by_id], emptied[by_code]) == (ZERO, "")


def test_the_local_currency_is_told_by_its_code(central: Central, mark: str) -> None:
    customer = central.made("customers", {"displayName": mark})
    assert (customer["currencyCode"], customer["currencyId"]) == ("EUR", ZERO)
    foreign = central.patch(f"customers({customer['id']})", {"currencyCode": "usd"}).body
    assert (foreign["currencyCode"], foreign["currencyId"]) == ("USD", central.code("currencies", "USD"))
    for text in ("", "EUR"):
        back = central.patch(f"customers({customer['id']})", {"currencyCode": text}).body
        assert (back["currencyCode"], back["currencyId"]) == ("EUR", ZERO)


def test_numbers_come_from_a_series_or_from_the_request(central: Central, mark: str) -> None:
    series = [central.made(name, {"displayName": mark})["number"] for name in ("customers", "contacts", "items")]
    assert [number[:1] for number in series] == ["C", "C", "1"]
    following = f"C{int(series[0][1:]) + 10:05d}"
    assert central.made("customers", {"displayName": mark, "number": following.lower()})["number"] == following
    assert central.made("customers", {"displayName": mark})["number"] > following
    for name in ("customers", "contacts", "items"):
        central.made(name, {"displayName": mark, "number": mark})
        again = central.post(name, {"displayName": mark, "number": mark.lower()})
        assert (again.status, again.code) == (400, "Internal_EntityWithSameKeyExists")
        assert mark in again.message


def test_a_code_cannot_be_kept_twice(central: Central) -> None:
    again = central.post("paymentTerms", {"code": "30d", "displayName": "again"})
    assert (again.status, again.code) == (400, "Internal_EntityWithSameKeyExists")


def test_a_customer_comes_with_its_contact_and_both_flow_into_each_other(central: Central, mark: str) -> None:
    customer = central.made("customers", {"displayName": mark, "city": "Oslo", "email": "a@example.com"})
    tied = central.get(f"customers({customer['id']})/contactsInformation").value
    assert [(each["contactName"], each["contactType"], each["relatedType"]) for each in tied] == [
        (mark, "Company", "Customer")
    ]
    contact = central.get(f"contacts({tied[0]['contactId']})").body
    assert (contact["city"], contact["contactBusinessRelation"], contact["searchName"]) == ("Oslo", "Customer", mark)
    assert (contact["companyNumber"], contact["companyName"]) == (contact["number"], mark)

    central.patch(f"customers({customer['id']})", {"phoneNumber": "+47 1", "creditLimit": 5})
    later = central.fresh("contacts", contact)
    assert later["phoneNumber"] == "+47 1"
    assert later["lastModifiedDateTime"] >= contact["lastModifiedDateTime"]
    assert later["@odata.etag"] != contact["@odata.etag"]

    central.patch(f"contacts({contact['id']})", {"city": "Bergen"})
    followed = central.fresh("customers", customer)
    assert (followed["city"], followed["phoneNumber"]) == ("Bergen", "+47 1")
    assert followed["@odata.etag"] != customer["@odata.etag"]

    untouched = central.fresh("contacts", contact)
    central.patch(f"customers({customer['id']})", {"creditLimit": 6})
    assert central.fresh("contacts", contact)["@odata.etag"] == untouched["@odata.etag"]


def test_persons_belong_to_a_company_contact_and_carry_its_name(central: Central, mark: str) -> None:
    customer = central.made("customers", {"displayName": f"{mark} Ltd"})
    company = central.get(f"customers({customer['id']})/contactsInformation").value[0]
    person = central.made(
        "contacts", {"type": "Person", "companyNumber": company["contactNumber"], "displayName": f"{mark} Ann"}
    )
    assert (person["companyName"], person["contactBusinessRelation"]) == (f"{mark} Ltd", "Customer")
    central.patch(f"contacts({company['contactId']})", {"displayName": f"{mark} Inc"})
    renamed = central.fresh("contacts", person)
    assert renamed["companyName"] == f"{mark} Inc"
    assert renamed["@odata.etag"] != person["@odata.etag"]
    assert central.fresh("customers", customer)["displayName"] == f"{mark} Inc"
    central.patch(f"customers({customer['id']})", {"displayName": f"{mark} Plc"})
    assert central.fresh("contacts", person)["companyName"] == f"{mark} Plc"
    tied = central.get(f"contactsInformation?$filter=relatedId eq {customer['id']} and relatedType eq 'Customer'").value
    assert {each["contactType"] for each in tied} == {"Company", "Person"}
    alone = central.patch(f"contacts({person['id']})", {"companyNumber": ""}).body
    assert (alone["companyName"], alone["contactBusinessRelation"]) == ("", "None")


def test_a_contacts_type_is_told_before_its_company(central: Central, mark: str) -> None:
    """Contract; ``Contact.Table``, ``CheckContactType``."""
    company = central.made("contacts", {"displayName": mark})
    assert company["type"] == "Company"
    number = company["number"]
    in_order = {"type": "Person", "companyNumber": number, "displayName": mark}
    assert central.post("contacts", in_order).status == 201
    out_of_order = {"companyNumber": number, "type": "Person", "displayName": mark}
    assert central.post("contacts", out_of_order).code == "Application_FieldValidationException"
    nowhere = {"type": "Person", "companyNumber": "NOWHERE", "displayName": mark}
    assert central.post("contacts", nowhere).code == "Internal_InvalidTableRelation"


def test_the_search_name_follows_the_name_unless_it_was_set(central: Central, mark: str) -> None:
    """``Contact.Table``, ``UpdateSearchName``."""
    contact = central.made("contacts", {"type": "Person", "displayName": f"{mark} Ann"})
    path = f"contacts({contact['id']})"
    assert contact["searchName"] == f"{mark} ANN"
    assert central.patch(path, {"displayName": f"{mark} Bea"}).body["searchName"] == f"{mark} BEA"
    central.patch(path, {"searchName": "own"})
    assert central.patch(path, {"displayName": f"{mark} Cia"}).body["searchName"] == "OWN"


def test_a_new_number_is_carried_by_what_names_it(central: Central, mark: str) -> None:
    """``APIV2Customers`` and ``APIV2Contacts``, ``OnModifyRecord``."""
    customer = central.made("customers", {"displayName": mark})
    order = central.made("salesOrders", {"customerId": customer["id"]})
    assert central.patch(f"customers({customer['id']})", {"number": mark}).body["number"] == mark
    assert central.fresh("salesOrders", order)["customerNumber"] == mark
    company = central.made("contacts", {"displayName": mark})
    person = central.made("contacts", {"type": "Person", "companyNumber": company["number"], "displayName": mark})
    central.patch(f"contacts({company['id']})", {"number": f"{mark}-C"})
    assert central.fresh("contacts", person)["companyNumber"] == f"{mark}-C"


def test_a_customer_with_a_document_stays_and_one_without_leaves_its_contact(central: Central, mark: str) -> None:
    """``Customer.Table`` and ``CustContUpdate``, ``OnDelete``."""
    customer = central.made("customers", {"displayName": mark})
    contact = central.get(f"customers({customer['id']})/contactsInformation").value[0]
    lines = [{"description": "a line"}]
    order = central.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    assert central.delete(f"customers({customer['id']})").code == "Application_DialogException"
    assert central.delete(f"salesOrders({order['id']})").status == 204
    assert central.delete(f"customers({customer['id']})").status == 204
    assert central.get(f"contacts({contact['contactId']})").body["contactBusinessRelation"] == "None"


def test_a_company_contact_takes_its_persons_along(central: Central, mark: str) -> None:
    """``Contact.Table``, ``OnDelete``."""
    company = central.made("contacts", {"displayName": mark})
    person = central.made("contacts", {"type": "Person", "companyNumber": company["number"], "displayName": mark})
    assert central.delete(f"contacts({company['id']})").status == 204
    assert central.get(f"contacts({person['id']})").status == 404


def test_stock_is_moved_by_an_adjustment_once_the_item_is_there(central: Central, mark: str) -> None:
    """``APIV2Items``, ``UpdateInventory``; ``APIV2ItemsE2E``, ``TestModifyItemInventory``."""
    item = central.made("items", {"number": mark})
    assert central.patch(f"items({item['id']})", {"inventory": 12.5}).body["inventory"] == Decimal("12.5")
    service = central.made("items", {"number": f"{mark}-S", "type": "Service"})
    assert central.patch(f"items({service['id']})", {"inventory": 1}).code == "Application_DialogException"


def test_an_items_type_is_fixed_once_it_is_used(central: Central, mark: str) -> None:
    """``Item.Table``, field Type."""
    item = central.sold(mark)
    assert central.patch(f"items({item['id']})", {"type": "Service"}).body["type"] == "Service"
    customer = central.made("customers", {"displayName": mark})
    lines = [{"itemId": item["id"], "quantity": 1}]
    central.made("salesOrders", {"customerId": customer["id"], "salesOrderLines": lines})
    assert central.patch(f"items({item['id']})", {"type": "Non_x002D_Inventory"}).code == "Application_DialogException"
    assert central.delete(f"items({item['id']})").code == "Application_DialogException"


def test_decimals_keep_what_was_sent_without_binary_noise(central: Central, mark: str) -> None:
    for price in ("0.1", "0.3", "1234567890.12345", "99.99"):
        item = central.made("items", {"unitPrice": float(price)})
        assert str(item["unitPrice"]) == price
        assert str(central.fresh("items", item)["unitPrice"]) == price
