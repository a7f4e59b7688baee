"""Codes that others are set up with: what of their use keeps them from being deleted, and what goes with them.

Followed from the base application's tables ``Unit of Measure``, ``Item Category``, ``Currency`` and
``Salesperson/Purchaser``. Payment terms, payment and shipment methods, countries and locations are deleted even in use.
"""

from __future__ import annotations

from syncline.connectors.businesscentral.metadata import ZERO_GUID
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import communication, ledger
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.values import Stored

EXPERIENCES = frozenset({"Basic", "Essential", "Premium", "Advanced", "Custom"})
"""What a company may be shown of the product."""


class UnitOfMeasureRules(Rules):
    def check_delete(self, company: Company, row: Row) -> None:
        if company.exists("items", baseUnitOfMeasureId=row["id"]):
            raise dialog("You cannot delete a unit of measure that is assigned to an item.")


class ItemCategoryRules(Rules):
    def deleted(self, company: Company, row: Row) -> None:
        """Its items have none then."""
        for item in company.all("items", itemCategoryId=row["id"]):
            company.update("items", item, {"itemCategoryId": ZERO_GUID, "itemCategoryCode": ""})


class CurrencyRules(Rules):
    def check_delete(self, company: Company, row: Row) -> None:
        if company.exists("salesInvoices", currencyCode=row["code"], status="Open"):
            raise dialog(
                f"There is one or more opened entries in the Cust. Ledger Entry table using Currency {row['code']}."
            )

    def deleted(self, company: Company, row: Row) -> None:
        for rate in company.all("currencyExchangeRates", currencyCode=row["code"]):
            company.delete("currencyExchangeRates", rate)


class CompanyInformationRules(Rules):
    mandatory = ()

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        if name == "experience" and value not in EXPERIENCES:
            raise dialog("Failed to save experience tier for the current company.")
        super().apply(draft, name, value)


class SalespersonRules(Rules):
    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        communication.check(name, value)
        super().apply(draft, name, value)

    def check_delete(self, company: Company, row: Row) -> None:
        if ledger.has_entries(company, row["id"]):
            raise dialog(
                f"The salesperson/purchaser {row['code']} cannot be deleted because customer ledger entries exist."
            )
