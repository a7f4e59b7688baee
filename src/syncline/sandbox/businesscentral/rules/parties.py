"""Vendors and employees: a number of their series, and nothing more yet."""

from __future__ import annotations

from syncline.sandbox.businesscentral.rules.base import Draft, Rules


class VendorRules(Rules):
    series = "vendors"

    def start(self, draft: Draft) -> None:
        draft.values["currencyCode"] = draft.company.local_currency


class EmployeeRules(Rules):
    series = "employees"
    mandatory = ("givenName",)

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        parts = (draft.values[name] for name in ("givenName", "middleName", "surname"))
        draft.values["displayName"] = " ".join(str(part) for part in parts if part)
