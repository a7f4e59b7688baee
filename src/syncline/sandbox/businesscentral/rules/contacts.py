"""Contacts: persons under company contacts, and the customer or vendor that a contact stands for.

Followed from the page ``APIV2Contacts`` and the base application's ``Contact.Table``.
"""

from __future__ import annotations

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError, dialog, field_error
from syncline.sandbox.businesscentral.rules import communication
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.businessrelations import (
    IN_COMMON,
    follow_name,
    rename_persons,
    update_related,
)
from syncline.sandbox.businesscentral.values import Stored


class ContactRules(Rules):
    series = "contacts"
    mandatory = ("displayName",)

    def start(self, draft: Draft) -> None:
        draft.values["contactBusinessRelation"] = "None"

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        communication.check(name, value)
        match name:
            case "companyNumber":
                self._join(draft, str(value))
            case "companyName":
                self._join(draft, _company_called(draft.company, str(value)))
            case "type":
                self._become(draft, str(value))
            case "displayName":
                draft.values |= follow_name(draft.values, draft.values["displayName"], {"displayName": value})
                draft.values["displayName"] = value
            case "taxRegistrationNumber":
                draft.values[name] = str(value).upper()
            case "contactBusinessRelation":
                pass  # derived: what is sent for it is overwritten in the product as well
            case _:
                super().apply(draft, name, value)

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        contact = draft.values
        if contact["type"] == "Company":
            contact |= {"companyNumber": contact["number"], "companyName": contact["displayName"]}
        contact["contactBusinessRelation"] = _relation(draft.company, contact)

    def saved(self, draft: Draft) -> None:
        if draft.before is None:
            return
        contact, company = draft.values, draft.company
        if draft.changed("number"):
            for person in company.all("contacts", companyNumber=draft.before["number"]):
                company.derive("contacts", person, {"companyNumber": contact["number"]})
        if draft.changed("displayName"):
            rename_persons(company, contact)
        if draft.changed(*IN_COMMON):
            update_related(company, contact)

    def deleted(self, company: Company, row: Row) -> None:
        """The relation goes with it; a company takes its persons along."""
        company.unrelate(contactId=row["id"])
        if row["type"] == "Company":
            for person in company.all("contacts", companyNumber=row["number"]):
                company.delete("contacts", person)
                company.unrelate(contactId=person["id"])

    def _join(self, draft: Draft, number: str) -> None:
        contact = draft.values
        if number == contact["companyNumber"]:
            return
        found = draft.company.find("contacts", number=number, type="Company") if number else None
        if number and found is None:
            message = (
                f'The "companyNumber" cannot be set to {number}: there is no contact of type Company with this number.'
            )
            raise ApiError(400, "Internal_InvalidTableRelation", message)
        if contact["type"] != "Person":
            raise field_error(
                f"Type must be equal to 'Person' in Contact: companyNumber={number}. Current value is 'Company'."
            )
        contact |= {"companyNumber": number, "companyName": found["displayName"] if found else ""}

    def _become(self, draft: Draft, value: str) -> None:
        contact = draft.values
        if value == "Person" and contact["type"] == "Company" and not draft.new:
            self._check_may_be_a_person(draft)
            contact |= {"companyNumber": "", "companyName": ""}
        if value == "Company":
            contact["jobTitle"] = ""
        contact["type"] = value

    def _check_may_be_a_person(self, draft: Draft) -> None:
        contact = draft.values
        persons = draft.company.all("contacts", companyNumber=contact["number"])
        if any(person["type"] == "Person" for person in persons):
            raise dialog("You cannot change the type: there are persons who belong to this company contact.")
        if draft.company.related(contactId=contact["id"]):
            raise field_error("No. of Business Relations must be equal to '0': the contact stands for another record.")
        if contact["taxRegistrationNumber"]:
            raise field_error("VAT Registration No. must be equal to '' of a contact that becomes a person.")


def _company_called(company: Company, text: str) -> str:
    """The number of the one company contact that a text means: by number, by name, by how its name begins or goes on.

    Raises `ApiError` where it means none or several.
    """
    if not text or company.exists("contacts", number=text.upper()):
        return text.upper()
    named = [(each["number"], str(each["displayName"]).lower()) for each in company.all("contacts", type="Company")]
    wanted = text.lower()
    for number, name in named:
        if name == wanted:
            return str(number)
    for number, name in named:
        if name.startswith(wanted):
            return str(number)
    within = [number for number, name in named if wanted in name]
    if len(within) != 1:
        raise dialog("You must select an existing contact.")
    return str(within[0])


def _relation(company: Company, contact: Row) -> str:
    """What a contact is to the company, itself or through the company contact that it belongs to."""
    own = company.related(contactId=contact["id"])
    if own is None and contact["companyNumber"] not in ("", contact["number"]):
        belongs = company.find("contacts", number=contact["companyNumber"])
        own = company.related(contactId=belongs["id"]) if belongs else None
    return str(own["relatedType"]) if own else "None"
