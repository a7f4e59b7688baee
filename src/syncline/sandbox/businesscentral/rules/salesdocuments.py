"""Sales orders, invoices, quotes and credit memos: what a customer brings to a document.

Followed from the pages ``APIV2SalesOrders`` and its siblings and the base application's ``SalesHeader.Table``.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar

from syncline.connectors.businesscentral.metadata import ZERO_DATETIME, ZERO_GUID
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.relations import RELATIONS, follow
from syncline.sandbox.businesscentral.rules import amounts, communication, creditmemos, dimensions, invoicing, quotes
from syncline.sandbox.businesscentral.rules.base import Draft, Rules
from syncline.sandbox.businesscentral.rules.blocking import check_making
from syncline.sandbox.businesscentral.rules.posting import due_date, ship_and_invoice
from syncline.sandbox.businesscentral.rules.totals import check_open, refresh_document, reprice_lines, retax_lines
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
_PLACE = ("City", "PostCode", "State", "Country")
"""What of an address a new city or post code takes along."""
_ONLY_OPEN = frozenset(
    {
        "customerId", "customerNumber", "billToCustomerId", "billToCustomerNumber", "currencyId", "currencyCode",
        "pricesIncludeTax", "shipmentMethodId", "partialShipping", "requestedDeliveryDate",
    }
)  # fmt: skip
"""What the product lets be set only while an order is not released."""


class _SalesDocumentRules(Rules):
    mandatory = ()
    kind: ClassVar[str]
    """What the product calls such a document."""
    lines_set: ClassVar[str | None] = None
    dated: ClassVar[str] = ""
    """The document's date, from which it is due."""
    today_in: ClassVar[tuple[str, ...]] = ()

    def start(self, draft: Draft) -> None:
        document = draft.values
        document |= {name: draft.company.today() for name in self.today_in}
        document |= {"status": "Draft", "currencyCode": draft.company.local_currency}

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        communication.check(name, value, dialog)
        match name:
            case "customerId" | "customerNumber":
                named_before = RELATIONS[name].partner in draft.named
                customer = follow(draft, name, value)
                if customer is None:
                    raise dialog("The sell-to customer cannot be found.")
                if draft.changed("customerId") and not named_before:
                    check_making(customer, self.kind)
                    self.sell_to(draft, customer)
            case "billToCustomerId" | "billToCustomerNumber":
                customer = follow(draft, name, value)
                if customer is None:
                    raise dialog("The bill-to customer cannot be found.")
                if draft.changed("billToCustomerId"):
                    self._bill_to(draft, customer)
            case _ if name.removeprefix("sellTo") in ADDRESS:
                self._move(draft, name, value)
            case "discountAmount":
                self._take_discount(draft, str(value))
            case "fullyShipped":
                pass  # the product takes it and keeps what its postings say
            case _:
                super().apply(draft, name, value)
                if name in ("paymentTermsId", self.dated):
                    self._find_due_date(draft)

    def complete(self, draft: Draft) -> None:
        document = draft.values
        if document["customerId"] == ZERO_GUID:
            raise dialog('A "customerNumber" or a "customerId" must be provided.')
        if document["billToCustomerId"] == document["customerId"]:
            document |= {f"billTo{part}": document[f"sellTo{part}"] for part in ADDRESS}
        super().complete(draft)

    def saved(self, draft: Draft) -> None:
        dimensions.document_saved(draft, self.lines_set)
        if draft.new or self.lines_set is None:
            return
        payer_changed = draft.changed("billToCustomerId")
        if payer_changed:
            retax_lines(draft.company, draft.values, self.lines_set)
        if draft.changed("pricesIncludeTax"):
            reprice_lines(draft.company, draft.entity_set.name, draft.values, self.lines_set)
        if payer_changed or draft.changed("discountAmount", "pricesIncludeTax"):
            refresh_document(draft.company, draft.entity_set.name, self.lines_set, draft.values["id"])

    def deleted(self, company: Company, row: Row) -> None:
        dimensions.forget(company, row["id"])
        if self.lines_set:
            for line in company.all(self.lines_set, documentId=row["id"]):
                company.delete(self.lines_set, line)
                dimensions.forget(company, line["id"])

    def _move(self, draft: Draft, name: str, value: Stored) -> None:
        """A new sell-to address, which the goods go to as well while they went to the one before."""
        document, part = draft.values, name.removeprefix("sellTo")
        together = all(document.get(f"shipTo{each}") == document[f"sellTo{each}"] for each in ADDRESS)
        super().apply(draft, name, value)
        if together and not document["shipToContact"]:
            moved = _PLACE if part in ("City", "PostCode") else (part,)
            document |= {f"shipTo{each}": document[f"sellTo{each}"] for each in moved}

    def _find_due_date(self, draft: Draft) -> None:
        """By the payment terms from the document's date; a credit memo is due at once, unless the terms say so too."""
        document = draft.values
        if "dueDate" not in document or not self.dated:
            return
        terms = draft.company.find("paymentTerms", id=document["paymentTermsId"])
        formula = terms["dueDateCalculation"] if terms else ""
        if terms and self.kind == "Credit Memo" and terms["calculateDiscountOnCreditMemos"] == "false":
            formula = ""
        document["dueDate"] = due_date(formula, document[self.dated])

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
        check_making(customer, self.kind)
        brought = dimensions.defaults_of(draft.company, customer["id"])
        taken: Row = {
            "billToName": customer["displayName"],
            "currencyId": customer["currencyId"],
            "currencyCode": customer["currencyCode"],
            "paymentTermsId": customer["paymentTermsId"],
            "salesperson": customer["salespersonCode"],
            **_address("billTo", customer),
            **dimensions.shortcuts(draft.company, brought),
        }
        draft.values |= _known(draft, taken)
        self._find_due_date(draft)

    def _take_discount(self, draft: Draft, value: str) -> None:
        if Decimal(value) < 0:
            raise dialog('The "discountAmount" must not be negative.')
        if self.lines_set:
            lines = draft.company.all(self.lines_set, documentId=draft.values["id"])
            whole = sum((amounts.discounted_with(line) for line in lines), Decimal(0))
            if Decimal(value) and not whole:
                raise dialog("Cannot apply an invoice discount because the document does not include lines to bear it.")
            if Decimal(value) > whole:
                raise dialog('The "discountAmount" must not be more than the lines come to.')
        draft.values["discountAmount"] = value


class SalesOrderRules(_SalesDocumentRules):
    kind = "Order"
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
    kind = "Invoice"
    series = "salesInvoices"
    lines_set = "salesInvoiceLines"
    dated = "invoiceDate"
    today_in = ("invoiceDate", "postingDate", "dueDate")

    actions = MappingProxyType(
        {
            "post": invoicing.post,
            "postAndSend": invoicing.post_and_send,
            "send": invoicing.send,
            "cancel": invoicing.cancel,
            "cancelAndSend": invoicing.cancel_and_send,
            "makeCorrectiveCreditMemo": invoicing.make_corrective_credit_memo,
        }
    )

    def parts_added(self, company: Company, key: str) -> None:
        refresh_document(company, "salesInvoices", "salesInvoiceLines", key)

    def check_change(self, company: Company, row: Row) -> None:
        if row["status"] != "Draft":
            raise dialog(f"The posted invoice {row['number']} cannot be changed or deleted.")


class SalesQuoteRules(_SalesDocumentRules):
    kind = "Quote"
    series = "salesQuotes"
    dated = "documentDate"
    today_in = ("documentDate", "postingDate", "dueDate")
    actions = MappingProxyType(
        {"makeOrder": quotes.make_order, "makeInvoice": quotes.make_invoice, "send": quotes.send}
    )

    def complete(self, draft: Draft) -> None:
        super().complete(draft)
        draft.values["status"] = "Draft" if draft.values["sentDate"] == ZERO_DATETIME else "Sent"


class SalesCreditMemoRules(_SalesDocumentRules):
    kind = "Credit Memo"
    series = "salesCreditMemos"
    dated = "creditMemoDate"
    today_in = ("creditMemoDate", "postingDate", "dueDate")
    actions = MappingProxyType(
        {
            "post": creditmemos.post,
            "postAndSend": creditmemos.post_and_send,
            "send": creditmemos.send,
            "cancel": creditmemos.cancel,
            "cancelAndSend": creditmemos.cancel_and_send,
        }
    )

    def apply(self, draft: Draft, name: str, value: Stored) -> None:
        if name in ("invoiceId", "invoiceNumber"):
            self._take_invoice(draft, name, str(value))
        else:
            super().apply(draft, name, value)

    def check_change(self, company: Company, row: Row) -> None:
        if row["status"] != "Draft":
            raise dialog(f"The posted credit memo {row['number']} cannot be changed or deleted.")

    def deleted(self, company: Company, row: Row) -> None:
        super().deleted(company, row)
        for line in company.all(invoicing.MEMO_LINES, documentId=row["id"]):
            company.delete(invoicing.MEMO_LINES, line)

    def _take_invoice(self, draft: Draft, name: str, value: str) -> None:
        """The posted invoice that it is to settle, by id or number."""
        blank = value in ("", ZERO_GUID)
        found = None if blank else draft.company.find("salesInvoices", **{name.replace("invoice", "").lower(): value})
        if not blank and (found is None or found["status"] == "Draft"):
            raise dialog(f'The "{name}" does not match to an Invoice.')
        record = str(found["id"]) if found else ZERO_GUID
        if draft.named.setdefault("invoice", record) != record:
            raise dialog('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
        draft.values |= {"invoiceId": record, "invoiceNumber": found["number"] if found else ""}


def _address(prefix: str, customer: Row) -> Row:
    return {f"{prefix}{mine}": customer[its] for mine, its in ADDRESS.items()}


def _known(draft: Draft, taken: Row) -> Row:
    """What this kind of document has of it."""
    return {name: value for name, value in taken.items() if name in draft.values}
