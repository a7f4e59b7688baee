"""Customers, and the contact that the marketing set-up makes for each: what both have flows both ways.

Followed from the base application's ``Customer.Table``, ``CustContUpdate`` and ``CustVendBankUpdate``.
"""

from __future__ import annotations

from types import MappingProxyType
from uuid import uuid4

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral import schema, values
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules.base import Draft, Rules

IN_COMMON = (
    "displayName", "addressLine1", "addressLine2", "city", "state", "country", "postalCode", "phoneNumber", "email",
    "website", "taxRegistrationNumber",
)  # fmt: skip
"""What a customer and its contact keep alike."""

OPEN_DOCUMENTS = ("salesOrders", "salesQuotes", "salesCreditMemos", "salesInvoices")
_NUMBERED = (("customerId", "customerNumber"), ("billToCustomerId", "billToCustomerNumber"))


class CustomerRules(Rules):
    series = "customers"
    renames = MappingProxyType(dict.fromkeys((*OPEN_DOCUMENTS, "salesShipments"), _NUMBERED))
    mandatory = ("displayName",)

    def start(self, draft: Draft) -> None:
        draft.values["currencyCode"] = draft.company.local_currency

    def saved(self, draft: Draft) -> None:
        super().saved(draft)
        company, customer = draft.company, draft.values
        if draft.new:
            _make_contact(company, customer)
        elif draft.changed(*IN_COMMON):
            _update_contact(company, customer)

    def check_delete(self, company: Company, row: Row) -> None:
        for entity_set in OPEN_DOCUMENTS:
            for name in ("customerId", "billToCustomerId"):
                if company.exists(entity_set, **{name: row["id"]}):
                    raise dialog(
                        f"You cannot delete Customer {row['number']} because there is at least one outstanding or "
                        f"posted document for it in {entity_set}."
                    )

    def deleted(self, company: Company, row: Row) -> None:
        """The relation goes with the customer; the contact stays."""
        relation = company.related(relatedId=row["id"], relatedType="Customer")
        company.unrelate(relatedId=row["id"], relatedType="Customer")
        contact = company.find("contacts", id=relation["contactId"]) if relation else None
        if contact:
            company.update("contacts", contact, {"contactBusinessRelation": "None"})


def _make_contact(company: Company, customer: Row) -> None:
    described = entity_sets()["contacts"]
    contact: Row = {name: values.blank(described.properties[name]) for name in schema.columns(described)}
    number = company.next_number("contacts")
    while company.exists("contacts", number=number):
        number = company.next_number("contacts")
    contact |= {name: customer[name] for name in IN_COMMON}
    contact |= {
        "id": str(uuid4()),
        "number": number,
        "type": customer["type"],
        "searchName": str(customer["displayName"]).upper(),
        "contactBusinessRelation": "Customer",
    }
    if customer["type"] == "Company":
        contact |= {"companyNumber": number, "companyName": customer["displayName"]}
    company.insert("contacts", contact)
    company.relate(contact["id"], "Customer", customer["id"])


def _update_contact(company: Company, customer: Row) -> None:
    relation = company.related(relatedId=customer["id"], relatedType="Customer")
    contact = company.find("contacts", id=relation["contactId"]) if relation else None
    if contact is None:
        return
    name = contact["displayName"]
    changes = {name: customer[name] for name in IN_COMMON if contact[name] != customer[name]}
    if changes:
        company.update("contacts", contact, changes | follow_name(contact, name, changes))
        if "displayName" in changes:
            rename_persons(company, contact)


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
