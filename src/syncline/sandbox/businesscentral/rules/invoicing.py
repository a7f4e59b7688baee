"""What is done with a sales invoice: posted, cancelled, corrected by a credit memo, sent.

Followed from the page ``APIV2SalesInvoices`` and the base application's ``CorrectPostedSalesInvoice``. Nothing is
e-mailed: sending checks what the product checks, and stops there.
"""

from __future__ import annotations

from decimal import Decimal

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import dimensions
from syncline.sandbox.businesscentral.rules.base import Action, free_number
from syncline.sandbox.businesscentral.rules.posting import (
    check_parties_and_lines,
    check_quantities,
    enter_in_ledger,
    move_stock,
    parties_of,
    posted_copy,
    refresh_balance,
)
from syncline.sandbox.businesscentral.rules.saleslines import set_outstanding
from syncline.sandbox.businesscentral.rules.totals import lines_of, refresh_document
from syncline.sandbox.businesscentral.values import number

MEMO_LINES = "salesCreditMemoLines"
"""Kept as invoice lines are, and shown by no set."""


def post(company: Company, invoice: Row) -> str:
    """The draft becomes the posted invoice: its id stays, its number is another."""
    if invoice["status"] != "Draft":
        raise dialog("The action can be applied to a draft invoice only.")
    lines = lines_of(company, "salesInvoiceLines", invoice)
    check_quantities(lines)
    check_parties_and_lines(company, invoice, lines, "Invoice", ships=True)
    changes = {
        "number": company.next_number("postedSalesInvoices"),
        "status": "Open",
        "remainingAmount": invoice["totalAmountIncludingTax"],
    }
    company.update("salesInvoices", invoice, changes)
    enter_in_ledger(company, invoice)
    for line in lines:
        move_stock(company, line, -Decimal(line["quantity"]))
    refresh_balance(company, invoice["billToCustomerId"])
    return f"salesInvoices({invoice['id']})"


def cancel(company: Company, invoice: Row) -> str:
    """A posted corrective credit memo takes it back, the goods return, and an order that is left is as before."""
    if invoice["status"] == "Draft":
        raise _posted_only()
    if invoice["status"] == "Canceled":
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    if invoice["status"] == "Corrective":
        raise _cannot_cancel("it represents a correction of a credit memo")
    if invoice["remainingAmount"] != invoice["totalAmountIncludingTax"]:
        raise _cannot_cancel("it is fully or partially paid")
    for customer in parties_of(company, invoice):
        if customer["blocked"] in ("Invoice", "All"):
            raise _cannot_cancel(f"customer {customer['displayName']} is blocked")
    lines = lines_of(company, "salesInvoiceLines", invoice)
    for line in lines:
        item = company.find("items", id=line["itemId"])
        if item and item["blocked"] == "true":
            raise _cannot_cancel(f"item {item['number']} {item['displayName']} is blocked")
    memo = _memo(company, invoice, lines, posted=True)
    enter_in_ledger(company, memo)
    for line in lines:
        move_stock(company, line, Decimal(line["quantity"]))
    company.update("salesInvoices", invoice, {"status": "Canceled", "remainingAmount": "0"})
    _reopen_order(company, invoice, lines)
    refresh_balance(company, invoice["billToCustomerId"])
    return f"salesInvoices({invoice['id']})"


def make_corrective_credit_memo(company: Company, invoice: Row) -> str:
    """A draft credit memo over all that was invoiced."""
    if invoice["status"] == "Draft":
        raise _posted_only()
    if invoice["remainingAmount"] != invoice["totalAmountIncludingTax"]:
        if not Decimal(invoice["remainingAmount"]):
            raise dialog("The invoice is closed. The corrective credit memo will not be applied to the invoice.")
        raise dialog(
            "The invoice is partially paid or credited. The corrective credit memo may not be fully closed by the "
            "invoice."
        )
    memo = _memo(company, invoice, lines_of(company, "salesInvoiceLines", invoice), posted=False)
    return f"salesCreditMemos({memo['id']})"


def send(company: Company, invoice: Row) -> str:
    if invoice["status"] == "Draft":
        check_quantities(lines_of(company, "salesInvoiceLines", invoice))
    check_address(company, invoice, "invoice")
    return f"salesInvoices({invoice['id']})"


def and_send(does: Action, kind: str) -> Action:
    """The action, and then the document is sent."""

    def both(company: Company, document: Row) -> str:
        led_to = does(company, document)
        check_address(company, document, kind)
        return led_to

    return both


post_and_send = and_send(post, "invoice")
cancel_and_send = and_send(cancel, "invoice")


def check_address(company: Company, document: Row, kind: str) -> None:
    customer = company.find("customers", id=document["customerId"])
    if customer is None or not customer["email"]:
        raise dialog(
            f"The send-to email is empty. Specify email either for the customer or for the {kind} in email preview."
        )


def _memo(company: Company, invoice: Row, lines: list[Row], *, posted: bool) -> Row:
    series = "postedSalesCreditMemos" if posted else "salesCreditMemos"
    today = company.today()
    memo = posted_copy(company, "salesCreditMemos", invoice) | {
        "number": free_number(company, series, "salesCreditMemos"),
        "creditMemoDate": today,
        "postingDate": today,
        "dueDate": today,
        "invoiceId": invoice["id"],
        "invoiceNumber": invoice["number"],
        "status": "Corrective" if posted else "Draft",
    }
    company.insert("salesCreditMemos", memo)
    dimensions.copy(company, invoice["id"], "salesCreditMemos", memo["id"])
    for line in lines:
        company.insert(MEMO_LINES, posted_copy(company, "salesInvoiceLines", line) | {"documentId": memo["id"]})
    return memo


def _reopen_order(company: Company, invoice: Row, lines: list[Row]) -> None:
    """What an order that is not yet gone counted as shipped and invoiced is outstanding once more."""
    order = company.find("salesOrders", id=invoice["orderId"])
    if order is None:
        return
    for line in lines:
        ordered = company.find("salesOrderLines", documentId=order["id"], sequence=line["sequence"])
        if ordered and Decimal(line["quantity"]):
            taken = Decimal(line["quantity"])
            changes = {name: number(Decimal(ordered[name]) - taken) for name in ("shippedQuantity", "invoicedQuantity")}
            reopened = ordered | changes
            set_outstanding(reopened)
            changes |= {name: reopened[name] for name in ("shipQuantity", "invoiceQuantity")}
            company.update("salesOrderLines", ordered, changes)
    refresh_document(company, "salesOrders", "salesOrderLines", order["id"])


def _posted_only() -> Exception:
    return dialog("The action can be applied to a posted invoice only.")


def _cannot_cancel(why: str) -> Exception:
    return dialog(f"You cannot cancel this posted sales invoice because {why}.")
