"""The contact that the marketing set-up makes for a customer or vendor: what both have flows both ways.

Followed from the base application's ``CustContUpdate``, ``VendContUpdate`` and ``CustVendBankUpdate``.
"""

from __future__ import annotations

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.rules.base import free_number

IN_COMMON = (
    "displayName", "addressLine1", "addressLine2", "city", "state", "country", "postalCode", "phoneNumber", "email",
    "website", "taxRegistrationNumber",
)  # fmt: skip
"""What a customer or vendor and its contact keep alike."""
RELATED_SETS = {"Customer": "customers", "Vendor": "vendors"}
"""Where the records of a business relation are, by its type."""


def make_contact(company: Company, owner: Row, related_type: str) -> None:
    """Make the contact of a new customer or vendor; a vendor's is a company."""
    contact = company.blank_row(entity_sets()["contacts"])
    number = free_number(company, "contacts", "contacts")
    contact |= {name: owner[name] for name in IN_COMMON}
    contact |= {
        "number": number,
        "type": owner.get("type", "Company"),
        "searchName": str(owner["displayName"]).upper(),
        "contactBusinessRelation": related_type,
    }
    if contact["type"] == "Company":
        contact |= {"companyNumber": number, "companyName": owner["displayName"]}
    company.insert("contacts", contact)
    company.relate(contact["id"], related_type, owner["id"])


def update_contact(company: Company, owner: Row, related_type: str) -> None:
    """Write what the customer or vendor and its contact have in common into the contact."""
    relation = company.related(relatedId=owner["id"], relatedType=related_type)
    contact = company.find("contacts", id=relation["contactId"]) if relation else None
    if contact is None:
        return
    name = contact["displayName"]
    changes = {name: owner[name] for name in IN_COMMON if contact[name] != owner[name]}
    if changes:
        company.update("contacts", contact, changes | follow_name(contact, name, changes))
        if "displayName" in changes:
            rename_persons(company, contact)


def update_related(company: Company, contact: Row) -> None:
    """Write what a contact has in common with its customer or vendor into that one."""
    relation = company.related(contactId=contact["id"])
    if relation is None:
        return
    entity_set = RELATED_SETS[relation["relatedType"]]
    owner = company.find(entity_set, id=relation["relatedId"])
    if owner:
        company.update(entity_set, owner, {name: contact[name] for name in IN_COMMON})


def part(company: Company, owner: Row, related_type: str) -> None:
    """The relation goes with the customer or vendor; the contact and its persons stay."""
    relation = company.related(relatedId=owner["id"], relatedType=related_type)
    company.unrelate(relatedId=owner["id"], relatedType=related_type)
    contact = company.find("contacts", id=relation["contactId"]) if relation else None
    if contact is None:
        return
    company.update("contacts", contact, {"contactBusinessRelation": "None"})
    if contact["type"] == "Company":
        for person in company.all("contacts", companyNumber=contact["number"]):
            if person["type"] == "Person":
                company.update("contacts", person, {"contactBusinessRelation": "None"})


def follow_name(contact: Row, old_name: str, changes: Row) -> Row:
    """What moves with a contact's name: its search name unless that was set, and a company's own company name."""
    new_name = changes.get("displayName")
    if new_name is None:
        return {}
    moved: Row = {}
    if contact["searchName"] in ("", str(old_name).upper()):
        moved["searchName"] = str(new_name).upper()
    if contact["type"] == "Company":
        moved["companyName"] = new_name
    return moved


def rename_persons(company: Company, contact: Row) -> None:
    """The persons of a company contact carry its name."""
    if contact["type"] != "Company":
        return
    for person in company.all("contacts", companyNumber=contact["number"]):
        if person["type"] == "Person" and person["companyName"] != contact["displayName"]:
            company.update("contacts", person, {"companyName": contact["displayName"]})
