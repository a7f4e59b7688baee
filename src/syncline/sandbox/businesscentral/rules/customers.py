"""Customers: what keeps them from being deleted.

Followed from the page ``APIV2Customers`` and the base application's ``Customer.Table`` and ``MoveEntries``.
"""

from __future__ import annotations

from types import MappingProxyType

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import ledger
from syncline.sandbox.businesscentral.rules.partners import PartnerRules

_DOCUMENTS = MappingProxyType(
    {"salesOrders": "Order", "salesInvoices": "Invoice", "salesQuotes": "Quote", "salesCreditMemos": "Credit Memo"}
)
"""Documents that keep a customer from being deleted, and what they are called."""
_POSTED = dict.fromkeys(("salesInvoices", "salesCreditMemos"), ("Open", "Paid", "Canceled", "Corrective"))
"""What the status of those says that are posted; orders and quotes are gone then."""


class CustomerRules(PartnerRules):
    kind = "Customer"
    series = "customers"
    mandatory = ("displayName",)

    def check_delete(self, company: Company, row: Row) -> None:
        if ledger.has_entries(company, row["id"]) or company.exists(
            "salesInvoices", billToCustomerId=row["id"], status="Open"
        ):
            raise dialog(
                f"You cannot delete Customer {row['number']} because it has ledger entries in a fiscal year that has "
                "not been closed yet."
            )
        for entity_set, kind in _DOCUMENTS.items():
            for name in ("billToCustomerId", "customerId"):
                documents = company.all(entity_set, **{name: row["id"]})
                if any(document["status"] not in _POSTED.get(entity_set, ()) for document in documents):
                    raise dialog(
                        f"You cannot delete Customer {row['number']} because there is at least one outstanding Sales "
                        f"{kind} for this customer."
                    )
