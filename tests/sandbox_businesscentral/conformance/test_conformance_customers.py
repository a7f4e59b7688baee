"""Customers, vendors and their contacts. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central

REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"


def contact_of(central: Central, entity_set: str, owner: dict[str, Any]) -> dict[str, Any]:
    (found,) = central.get(f"{entity_set}({owner['id']})/contactsInformation").value
    contact: dict[str, Any] = central.get(f"contacts({found['contactId']})").body
    return contact


def test_a_letter_in_a_telephone_number_is_refused(central: Central, mark: str) -> None:
    """``Customer.Table``, field Phone No.; ``Contact.Table``, fields Phone No. and Mobile Phone No."""
    for entity_set, name in (
        ("customers", "phoneNumber"), ("contacts", "phoneNumber"), ("contacts", "mobilePhoneNumber"),
        ("vendors", "phoneNumber"),
    ):  # fmt: skip
        refused = central.post(entity_set, {"displayName": mark, name: "555 CALL"})
        assert (refused.status, refused.code) == (400, UNFIT), entity_set
        assert central.post(entity_set, {"displayName": mark, name: "+47 (22) 33-44/5"}).status == 201


@pytest.mark.parametrize("email", ["nobody", "a@b@c", "a@b;nobody", "a b@c.example"])
def test_an_address_that_is_none_is_refused(central: Central, mark: str, email: str) -> None:
    """``Customer.Table``, field E-Mail; ``MailManagement``, ``CheckValidEmailAddresses``."""
    for entity_set in ("customers", "contacts", "vendors"):
        refused = central.post(entity_set, {"displayName": mark, "email": email})
        assert (refused.status, refused.code, "is not valid" in refused.message) == (400, REFUSED, True)


def test_several_addresses_stand_apart_by_semicolons(central: Central, mark: str) -> None:
    """``MailManagement``, ``CheckValidEmailAddresses``."""
    customer = central.made("customers", {"displayName": mark, "email": "a@x.example; b@x.example"})
    assert customer["email"] == "a@x.example; b@x.example"


def test_a_tax_registration_number_is_kept_in_capitals(central: Central, mark: str) -> None:
    """``Customer.Table``, ``Contact.Table`` and ``Vendor.Table``, field VAT Registration No."""
    for entity_set in ("customers", "contacts", "vendors"):
        made = central.made(entity_set, {"displayName": mark, "taxRegistrationNumber": "no 123 mva"})
        assert made["taxRegistrationNumber"] == "NO 123 MVA"


def test_a_customer_that_is_a_person_has_a_contact_that_is_one(central: Central, mark: str) -> None:
    """``CustContUpdate``, ``InsertNewContact``; ``ContactInformationBuffer.Table``."""
    customer = central.made("customers", {"displayName": mark, "type": "Person"})
    contact = contact_of(central, "customers", customer)
    assert (contact["type"], contact["companyNumber"], contact["companyName"]) == ("Person", "", "")
    assert contact["contactBusinessRelation"] == "Customer"


def test_a_customers_type_changes_without_its_contacts(central: Central, mark: str) -> None:
    """``Customer.Table``, field Contact Type; ``CustContUpdate``, ``OnModify`` keeps the contact's type."""
    customer = central.made("customers", {"displayName": mark})
    central.patch(f"customers({customer['id']})", {"type": "Person", "city": "Oslo"})
    contact = contact_of(central, "customers", customer)
    assert (contact["type"], contact["city"]) == ("Company", "Oslo")


def test_a_currency_code_that_is_none_is_the_pages_to_refuse(central: Central, mark: str) -> None:
    """``APIV2Customers``, field currencyCode, which no table keeps: an error of the page, not of a relation."""
    refused = central.post("customers", {"displayName": mark, "currencyCode": "QQQ"})
    assert (refused.code, "currencyCode" in refused.message) == (REFUSED, True)


def test_a_blocked_salesperson_is_named_by_no_customer(central: Central, mark: str) -> None:
    """``Customer.Table``, the relation of field Salesperson Code."""
    central.made("salespeoplePurchasers", {"code": mark, "displayName": mark, "blocked": True})
    refused = central.post("customers", {"displayName": mark, "salespersonCode": mark})
    assert refused.code == "Internal_InvalidTableRelation"


@pytest.mark.parametrize(
    ("document", "called"),
    [
        ("salesOrders", "Order"),
        ("salesInvoices", "Invoice"),
        ("salesQuotes", "Quote"),
        ("salesCreditMemos", "Credit Memo"),
    ],
)
def test_a_customer_with_an_open_document_is_not_deleted(
    central: Central, mark: str, document: str, called: str
) -> None:
    """Contract, How the four entities behave: deleting one that has open documents is refused."""
    customer = central.made("customers", {"displayName": mark})
    made = central.made(document, {"customerId": customer["id"]})
    refused = central.delete(f"customers({customer['id']})")
    assert (refused.code, f"outstanding Sales {called}" in refused.message) == (REFUSED, True)
    assert central.delete(f"{document}({made['id']})").status == 204
    assert central.delete(f"customers({customer['id']})").status == 204


def test_a_line_of_any_draft_keeps_its_payer(central: Central, mark: str) -> None:
    """``Customer.Table``, ``CheckIfSalesOrderLinesExist``, by sell-to and bill-to customer."""
    buyer = central.made("customers", {"displayName": mark})
    payer = central.made("customers", {"displayName": mark})
    told = {"customerId": buyer["id"], "billToCustomerId": payer["id"]}
    central.made("salesInvoices", {**told, "salesInvoiceLines": [{"description": "a line"}]})
    for customer in (buyer, payer):
        refused = central.delete(f"customers({customer['id']})")
        assert (refused.code, "outstanding Sales Invoice" in refused.message) == (REFUSED, True)


def test_a_deleted_customer_takes_its_default_dimensions_along(central: Central, mark: str) -> None:
    """``Customer.Table``, ``OnDelete``: ``DimMgt.DeleteDefaultDim``."""
    customer = central.made("customers", {"displayName": mark})
    area = central.code("dimensions", "AREA")
    central.made(f"customers({customer['id']})/defaultDimensions", {"dimensionId": area})
    assert central.delete(f"customers({customer['id']})").status == 204
    assert central.get(f"defaultDimensions?$filter=parentId eq {customer['id']}").value == []


def test_a_parted_customer_leaves_persons_that_are_nobodys(central: Central, mark: str) -> None:
    """``ContactBusinessRelation.Table``, ``UpdateContactBusinessRelation`` goes to the company's persons as well."""
    customer = central.made("customers", {"displayName": mark})
    number = contact_of(central, "customers", customer)["number"]
    person = central.made("contacts", {"type": "Person", "companyNumber": number, "displayName": mark})
    assert person["contactBusinessRelation"] == "Customer"
    central.delete(f"customers({customer['id']})")
    assert central.fresh("contacts", person)["contactBusinessRelation"] == "None"


def test_special_characters_come_back_as_they_went(central: Central, mark: str) -> None:
    """``APIV2CustomersE2E``, ``TestGetCustomerWithAddressAndSpecialCharacters``."""
    told = {"displayName": f'{mark} "Ø" \\ {{%}} & <b>', "addressLine1": "Übung'1\t#", "city": "Łódź"}
    customer = central.made("customers", told)
    assert {name: central.fresh("customers", customer)[name] for name in told} == told


def test_a_change_of_the_address_leaves_the_rest(central: Central, mark: str) -> None:
    """``APIV2CustomersE2E``, ``TestModifyCustomerWithAddress``."""
    customer = central.made("customers", {"displayName": mark, "addressLine1": "One", "city": "Oslo", "country": "NO"})
    changed = central.patch(f"customers({customer['id']})", {"addressLine1": "Two"}).body
    assert (changed["addressLine1"], changed["city"], changed["country"]) == ("Two", "Oslo", "NO")


def test_a_vendor_has_a_contact_kept_in_step(central: Central, mark: str) -> None:
    """``VendContUpdate`` and ``CustVendBankUpdate``; ``APIV2ContactsInfE2E``, ``TestGetVendorContactsInformation``."""
    vendor = central.made("vendors", {"displayName": mark, "city": "Oslo"})
    contact = contact_of(central, "vendors", vendor)
    assert (contact["displayName"], contact["city"], contact["contactBusinessRelation"]) == (mark, "Oslo", "Vendor")
    central.patch(f"vendors({vendor['id']})", {"city": "Bergen"})
    assert central.fresh("contacts", contact)["city"] == "Bergen"
    central.patch(f"contacts({contact['id']})", {"displayName": f"{mark} B"})
    assert central.fresh("vendors", vendor)["displayName"] == f"{mark} B"
    assert central.delete(f"vendors({vendor['id']})").status == 204
    assert central.fresh("contacts", contact)["contactBusinessRelation"] == "None"


def test_a_vendor_is_created_changed_and_deleted(central: Central, mark: str) -> None:
    """``APIV2VendorsE2E``, ``TestCreateSimpleVendor``, ``TestModifyVendor`` and ``TestDeleteVendor``."""
    vendor = central.made("vendors", {"displayName": mark})
    assert vendor["number"].startswith("V")
    path = f"vendors({vendor['id']})"
    assert central.patch(path, {"blocked": "Payment", "currencyCode": "USD"}).body["blocked"] == "Payment"
    assert central.delete(path).status == 204
    assert central.get(path).status == 404


@pytest.mark.parametrize("entity_set", ["customers", "contacts", "items", "vendors", "employees", "projects"])
def test_a_series_may_forbid_numbers_entered_by_hand(central: Central, mark: str, entity_set: str) -> None:
    """``NoSeriesImpl``, ``TestManual``; the table of error codes in the product's documentation; contract."""
    told = {"displayName": mark} if entity_set != "employees" else {"givenName": mark}
    assert central.post("/sandbox/setup", {"manualNumbers": {entity_set: False}}).status == 204
    try:
        refused = central.post(entity_set, {**told, "number": mark})
        assert (refused.status, refused.code) == (400, REFUSED)
        assert "You may not enter numbers manually" in refused.message
        made = central.made(entity_set, told)
        renamed = central.patch(f"{entity_set}({made['id']})", {"number": mark})
        assert (renamed.status, renamed.code) == (400, REFUSED)
        assert central.patch(f"{entity_set}({made['id']})", {"number": made["number"]}).status == 200
    finally:
        central.post("/sandbox/setup", {"manualNumbers": {entity_set: True}})
    assert central.made(entity_set, {**told, "number": f"{mark}-2"})["number"] == f"{mark}-2"


@pytest.mark.parametrize(
    "body",
    [
        {"manualNumbers": {"nothings": True}},
        {"manualNumbers": 5},
        {"itemUnits": [{"item": "NOWHERE", "unit": "BOX", "quantity": 2}]},
        {"unknown": 1},
        [],
    ],
)
def test_a_set_up_that_makes_no_sense_is_refused(central: Central, body: object) -> None:
    """Of the sandbox itself."""
    refused = central.post("/sandbox/setup", body)
    assert (refused.status, refused.code) == (400, "BadRequest")
