"""Vendors, employees and projects: their numbers, an employee's full name.

Followed from the base application's ``Vendor.Table``, ``Employee.Table`` and ``Job.Table``.
"""

from __future__ import annotations

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.dimensions import forget_defaults
from syncline.sandbox.businesscentral.rules.partners import PartnerRules


class VendorRules(PartnerRules):
    kind = "Vendor"
    series = "vendors"
    mandatory = ()


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
