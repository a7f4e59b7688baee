"""Persons of customers' company contacts, seen and changed under names of their own.

Followed from the page ``APIV2CustContacts``, which shows contacts: what is written here is written there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import ApiError
from syncline.sandbox.businesscentral.names import broken_down
from syncline.sandbox.businesscentral.rules.base import Rules

_IN_CONTACT = {"email": "email", "professionalTitle": "jobTitle", "primaryPhoneNumber": "phoneNumber"}


class CustomerContactRules(Rules):
    kept_in = "contacts"

    def translated(self, company: Company, row: Row, sent: Mapping[str, Any]) -> dict[str, Any]:
        contact = company.find("contacts", id=row["id"])
        name = broken_down(str(contact["displayName"])) if contact else broken_down("")
        if sent.get("customerId", row["customerId"]) != row["customerId"]:
            message = "Giving the contacts of a customer to another one is not served by this sandbox."
            raise ApiError(501, "BadRequest_MethodNotImplemented", message)
        told = {_IN_CONTACT[each]: value for each, value in sent.items() if each in _IN_CONTACT}
        name = name._replace(first=sent.get("firstName", name.first), last=sent.get("lastName", name.last))
        if sent.keys() & {"firstName", "lastName"}:
            told["displayName"] = name.whole()
        return told
