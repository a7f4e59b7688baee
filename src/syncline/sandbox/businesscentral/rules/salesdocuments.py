"""Sales orders, invoices, quotes and credit memos: what a customer brings to a document.

Followed from the pages ``APIV2SalesOrders`` and its siblings and the base application's ``SalesHeader.Table``.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar

from syncline.connectors.businesscentral.metadata import ZERO_GUID
from syncline.sandbox.businesscentral import amounts
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.relations import RELATIONS, follow
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.posting import ship_and_invoice
from syncline.sandbox.businesscentral.rules.totals import check_open, refresh_document, retax_lines
from syncline.sandbox.businesscentral.values import Stored

ADDRESS = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}
"""How an address is spelled in a document, behind ``sellTo``, ``billTo`` or ``shipTo``, and in a customer."""
_ONLY_OPEN = frozenset(
    {
        "customerId", "customerNumber", "billToCustomerId", "billToCustomerNumber", "currencyId", "currencyCode",
        "pricesIncludeTax", "shipmentMethodId", "partialShipping", "requestedDeliveryDate",
    }
)  # fmt: skip
"""What the product lets be set only while an order is not released."""


class _SalesDocumentRules(Rules):
    mandatory = ()
    lines_set: ClassVar[str | None] = None
    today_in: ClassVar[tuple[str, ...]] = ()

    def start(self, draft: Draft) -> None:
        document = draft.values
        document |= {name: draft.company.today() for name in self.today_in}
        document |= {"status": "Draft", "currencyCode": draft.company.local_currency}

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        match name:
            case "customerId" | "customerNumber":
                named_before = RELATIONS[name].partner in draft.named
                customer = follow(draft, name, value)
                if customer is None:
                    raise dialog("The sell-to customer cannot be found.")
                if draft.changed("customerId") and not named_before:
                    _check_not_blocked(customer)
                    self.sell_to(draft, customer)
            case "billToCustomerId" | "billToCustomerNumber":
                customer = follow(draft, name, value)
                if customer is None:
                    raise dialog("The bill-to customer cannot be found.")
                if draft.changed("billToCustomerId"):
                    self._bill_to(draft, customer)
            case "discountAmount":
                self._take_discount(draft, str(value))
            case "fullyShipped":
                pass  # the product takes it and keeps what its postings say
            case _:
                super().apply(draft, name, value)

    def complete(self, draft: Draft) -> None:
        document = draft.values
        if document["customerId"] == ZERO_GUID:
            raise dialog('A "customerNumber" or a "customerId" must be provided.')
        if document["billToCustomerId"] == document["customerId"]:
            document |= {f"billTo{part}": document[f"sellTo{part}"] for part in ADDRESS}
        super().complete(draft)

    def saved(self, draft: Draft) -> None:
        if draft.new or self.lines_set is None:
            return
        payer_changed = draft.changed("billToCustomerId")
        if payer_changed:
            retax_lines(draft.company, draft.values, self.lines_set)
        if payer_changed or draft.changed("discountAmount", "pricesIncludeTax"):
            refresh_document(draft.company, draft.entity_set.name, self.lines_set, draft.values["id"])

    def deleted(self, company: Company, row: Row) -> None:
        if self.lines_set:
            for line in company.all(self.lines_set, documentId=row["id"]):
                company.delete(self.lines_set, line)

    def sell_to(self, draft: Draft, customer: Row) -> None:
        """Set all that a customer brings to a document."""
        taken: Row = {
            "customerName": customer["displayName"],
            "shipToName": customer["displayName"],
            "shipToContact": "",
            "phoneNumber": customer["phoneNumber"],
            "email": customer["email"],
            "shipmentMethodId": customer["shipmentMethodId"],
            "billToCustomerId": customer["id"],
            "billToCustomerNumber": customer["number"],
            **_address("sellTo", customer),
            **_address("shipTo", customer),
        }
        draft.values |= _known(draft, taken)
        self._bill_to(draft, customer)

    def _bill_to(self, draft: Draft, customer: Row) -> None:
        taken: Row = {
            "billToName": customer["displayName"],
            "currencyId": customer["currencyId"],
            "currencyCode": customer["currencyCode"],
            "paymentTermsId": customer["paymentTermsId"],
            "salesperson": customer["salespersonCode"],
            **_address("billTo", customer),
        }
        draft.values |= _known(draft, taken)

    def _take_discount(self, draft: Draft, value: str) -> None:
        if Decimal(value) < 0:
            raise dialog('The "discountAmount" must not be negative.')
        if self.lines_set:
            lines = draft.company.all(self.lines_set, documentId=draft.values["id"])
            whole = sum((amounts.line_amount(line) for line in lines), Decimal(0))
            if Decimal(value) and not whole:
                raise dialog("Cannot apply an invoice discount because the document does not include lines to bear it.")
            if Decimal(value) > whole:
                raise dialog('The "discountAmount" must not be more than the lines come to.')
        draft.values["discountAmount"] = value


class SalesOrderRules(_SalesDocumentRules):
    series = "salesOrders"
    lines_set = "salesOrderLines"
    today_in = ("orderDate", "postingDate")
    actions = MappingProxyType({"shipAndInvoice": ship_and_invoice})

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        if name in _ONLY_OPEN:
            check_open(draft.values)
        super().apply(draft, name, value)

    def start(self, draft: Draft) -> None:
        super().start(draft)
        draft.values["partialShipping"] = "true"

    def parts_added(self, company: Company, key: str) -> None:
        refresh_document(company, "salesOrders", "salesOrderLines", key)

    def check_delete(self, company: Company, row: Row) -> None:
        lines = company.all("salesOrderLines", documentId=row["id"])
        if any(Decimal(line["shippedQuantity"]) != Decimal(line["invoicedQuantity"]) for line in lines):
            raise dialog(f"You cannot delete the order {row['number']}: it is shipped and not yet invoiced.")


class SalesInvoiceRules(_SalesDocumentRules):
    series = "salesInvoices"
    lines_set = "salesInvoiceLines"
    today_in = ("invoiceDate", "postingDate", "dueDate")

    def parts_added(self, company: Company, key: str) -> None:
        refresh_document(company, "salesInvoices", "salesInvoiceLines", key)

    def check_change(self, company: Company, row: Row) -> None:
        if row["status"] != "Draft":
            raise dialog(f"The posted invoice {row['number']} cannot be changed or deleted.")


class SalesQuoteRules(_SalesDocumentRules):
    series = "salesQuotes"
    today_in = ("documentDate", "postingDate", "dueDate")


class SalesCreditMemoRules(_SalesDocumentRules):
    series = "salesCreditMemos"
    today_in = ("creditMemoDate", "postingDate", "dueDate")


def _check_not_blocked(customer: Row) -> None:
    if customer["blocked"] != "_x0020_":
        raise dialog(
            f"You cannot create this type of document when Customer {customer['number']} is blocked with type "
            f"{customer['blocked']}."
        )


def _address(prefix: str, customer: Row) -> Row:
    return {f"{prefix}{mine}": customer[its] for mine, its in ADDRESS.items()}


def _known(draft: Draft, taken: Row) -> Row:
    """What this kind of document has of it."""
    return {name: value for name, value in taken.items() if name in draft.values}
