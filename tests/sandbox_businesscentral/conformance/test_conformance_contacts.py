"""Contacts, and customers' contacts seen as such. Each test names the public source of the fact that it proves."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_businesscentral.central import Central
from syncline.sandbox.businesscentral.names import broken_down

REFUSED = "Application_DialogException"
UNFIT = "Application_FieldValidationException"


def person_of(central: Central, mark: str, name: str = "Ann Berg") -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer and a person of its company contact."""
    customer = central.made("customers", {"displayName": mark})
    company = central.get(f"customers({customer['id']})/contactsInformation").value[0]
    told = {"type": "Person", "companyNumber": company["contactNumber"], "displayName": name, "email": "a@x.example"}
    return customer, central.made("contacts", told)


def test_a_company_is_named_by_its_name_as_well(central: Central, mark: str) -> None:
    """``Contact.Table``, field Company Name validates Company No. with ``GetCompNo``: whole, begun, or within."""
    company = central.made("contacts", {"displayName": f"{mark} Traders"})
    for text in (f"{mark} traders", f"{mark} Tra", f"{mark[1:]} TRADERS", company["number"]):
        person = central.made("contacts", {"type": "Person", "displayName": mark, "companyName": text})
        assert (person["companyNumber"], person["companyName"]) == (company["number"], f"{mark} Traders"), text
    refused = central.post("contacts", {"type": "Person", "displayName": mark, "companyName": f"{mark} nowhere"})
    assert (refused.status, refused.code) == (400, REFUSED)


def test_what_a_contact_is_to_the_company_is_not_for_a_client_to_say(central: Central, mark: str) -> None:
    """``Contact.Table``, ``UpdateBusinessRelation`` on insert."""
    contact = central.made("contacts", {"displayName": mark, "contactBusinessRelation": "Vendor"})
    assert contact["contactBusinessRelation"] == "None"


def test_a_company_that_stands_for_a_customer_is_made_no_person(central: Central, mark: str) -> None:
    """``Contact.Table``, ``CheckIfTypeChangePossibleForPerson``."""
    customer = central.made("customers", {"displayName": mark})
    contact = central.get(f"customers({customer['id']})/contactsInformation").value[0]
    assert central.patch(f"contacts({contact['contactId']})", {"type": "Person"}).code == UNFIT
    registered = central.made("contacts", {"displayName": mark, "taxRegistrationNumber": "NO1"})
    assert central.patch(f"contacts({registered['id']})", {"type": "Person"}).code == UNFIT


def test_a_company_with_persons_is_made_no_person(central: Central, mark: str) -> None:
    """``Contact.Table``, ``TypeChange``."""
    company = central.made("contacts", {"displayName": mark})
    central.made("contacts", {"type": "Person", "companyNumber": company["number"], "displayName": mark})
    assert central.patch(f"contacts({company['id']})", {"type": "Person"}).code == REFUSED


def test_a_person_that_becomes_a_company_is_its_own(central: Central, mark: str) -> None:
    """``Contact.Table``, ``TypeChange``."""
    company = central.made("contacts", {"displayName": mark})
    told = {"type": "Person", "companyNumber": company["number"], "displayName": f"{mark} P", "jobTitle": "Buyer"}
    person = central.made("contacts", told)
    changed = central.patch(f"contacts({person['id']})", {"type": "Company"}).body
    assert (changed["companyNumber"], changed["companyName"]) == (person["number"], f"{mark} P")
    assert changed["jobTitle"] == ""


def test_a_contact_with_special_characters_is_found_by_them(central: Central, mark: str) -> None:
    """``APIV2ContactsE2E``, ``TestGetContactWithAddressAndSpecialCharacters``."""
    central.made("contacts", {"displayName": f"{mark} O'Hara & Söhne", "addressLine1": "Straße 1"})
    (found,) = central.get(f"contacts?$filter=displayName eq '{mark} O''Hara %26 Söhne'").value
    assert found["addressLine1"] == "Straße 1"


def test_a_customers_person_is_shown_by_the_parts_of_its_name(central: Central, mark: str) -> None:
    """``APIV2CustContacts`` shows First Name and Surname; ``Contact.Table``, ``NameBreakdown``."""
    customer, person = person_of(central, mark, "Ann Mary Louise Berg")
    (seen,) = central.get(f"customerContacts?$filter=customerId eq {customer['id']}").value
    assert (seen["id"], seen["firstName"], seen["lastName"]) == (person["id"], "Ann Mary", "Berg")
    assert (seen["customerName"], seen["email"]) == (mark, "a@x.example")


def test_a_customers_person_is_changed_as_the_contact_that_it_is(central: Central, mark: str) -> None:
    """``APIV2CustContacts`` and ``Contact.Table``, ``CalculatedName``."""
    _, person = person_of(central, mark)
    told = {"lastName": "Holm", "professionalTitle": "Buyer", "primaryPhoneNumber": "+47 1", "email": "h@x.example"}
    changed = central.patch(f"customerContacts({person['id']})", told)
    assert changed.status == 200
    assert {name: changed.body[name] for name in told} == told
    contact = central.fresh("contacts", person)
    assert (contact["displayName"], contact["jobTitle"]) == ("Ann Holm", "Buyer")
    assert (contact["phoneNumber"], contact["email"]) == ("+47 1", "h@x.example")
    assert contact["lastModifiedDateTime"] >= person["lastModifiedDateTime"]


def test_a_customers_person_is_not_made_but_deleted_there(central: Central, mark: str) -> None:
    """``APIV2CustContacts``: InsertAllowed is false, DeleteAllowed is not."""
    _, person = person_of(central, mark)
    assert central.post("customerContacts", {"firstName": "x"}).status == 405
    assert (
        central.patch(f"customerContacts({person['id']})", {"customerName": "x"}).code == "BadRequest_InvalidOperation"
    )
    assert central.patch(f"customerContacts({person['id']})", {"shoe": "x"}).code == "BadRequest"
    assert central.delete(f"customerContacts({person['id']})").status == 204
    assert central.get(f"contacts({person['id']})").status == 404


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann", ("Ann", "", "")),
        ("Ann Berg", ("Ann", "", "Berg")),
        ("Ann Mary Berg", ("Ann", "Mary", "Berg")),
        ("Ann Mary Lou Berg", ("Ann Mary", "Lou", "Berg")),
        ("", ("", "", "")),
    ],
)
def test_a_name_is_broken_down(name: str, parts: tuple[str, str, str]) -> None:
    """``Contact.Table``, ``NameBreakdown``."""
    assert broken_down(name) == parts
