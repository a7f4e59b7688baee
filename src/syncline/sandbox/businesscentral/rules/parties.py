"""Vendors, employees and projects: their numbers, a vendor's contact, an employee's full name.

Followed from the base application's ``Vendor.Table``, ``Employee.Table`` and ``Job.Table``.
"""

from __future__ import annotations

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.rules import communication
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.businessrelations import IN_COMMON, make_contact, part, update_contact
from syncline.sandbox.businesscentral.rules.dimensions import forget_defaults
from syncline.sandbox.businesscentral.values import Stored


class VendorRules(Rules):
    series = "vendors"
    mandatory = ()

    def start(self, draft: Draft) -> None:
        draft.values["currencyCode"] = draft.company.local_currency

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        communication.check(name, value)
        super().apply(draft, name, str(value).upper() if name == "taxRegistrationNumber" else value)

    def saved(self, draft: Draft) -> None:
        super().saved(draft)
        if draft.new:
            make_contact(draft.company, draft.values, "Vendor")
        elif draft.changed(*IN_COMMON):
            update_contact(draft.company, draft.values, "Vendor")

    def deleted(self, company: Company, row: Row) -> None:
        part(company, row, "Vendor")
        forget_defaults(company, row["id"])


class EmployeeRules(Rules):
    series = "employees"
    mandatory = ("givenName",)

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        parts = (draft.values[name] for name in ("givenName", "middleName", "surname"))
        draft.values["displayName"] = " ".join(str(part) for part in parts if part)

    def deleted(self, company: Company, row: Row) -> None:
        forget_defaults(company, row["id"])


class ProjectRules(Rules):
    series = "projects"
    mandatory = ()
