"""What is done with a sales credit memo: posted, cancelled, sent.

Followed from the page ``APIV2SalesCreditMemos`` and the base application's ``CancelPostedSalesCrMemo``. Lines come
with the invoice that a credit memo was made of: those that a client would add have no set described here.
"""

from __future__ import annotations

from decimal import Decimal

from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import dimensions
from syncline.sandbox.businesscentral.rules.invoicing import MEMO_LINES, and_send, check_address
from syncline.sandbox.businesscentral.rules.posting import (
    check_parties_and_lines,
    enter_in_ledger,
    move_stock,
    posted_copy,
    refresh_balance,
)
from syncline.sandbox.businesscentral.rules.totals import lines_of


def post(company: Company, memo: Row) -> str:
    """The goods return, and what the invoice that it was made of still asked for is settled."""
    if memo["status"] != "Draft":
        raise dialog("The action can be applied to a draft credit memo only.")
    lines = lines_of(company, MEMO_LINES, memo)
    if not lines:
        raise dialog("Please add at least one line item to the credit memo.")
    check_parties_and_lines(company, memo, [], "Credit Memo", ships=False)
    invoice = company.find("salesInvoices", id=memo["invoiceId"], status="Open")
    settles = invoice is not None and invoice["remainingAmount"] == memo["totalAmountIncludingTax"]
    changes = {"number": company.next_number("postedSalesCreditMemos"), "status": "Paid" if settles else "Open"}
    company.update("salesCreditMemos", memo, changes)
    enter_in_ledger(company, memo)
    for line in lines:
        move_stock(company, line, Decimal(line["quantity"]))
    if invoice and settles:
        company.update("salesInvoices", invoice, {"status": "Paid", "remainingAmount": "0"})
    refresh_balance(company, memo["billToCustomerId"])
    return f"salesCreditMemos({memo['id']})"


def cancel(company: Company, memo: Row) -> str:
    """A corrective credit memo is taken back by a posted invoice."""
    if memo["status"] == "Draft":
        raise dialog("The action can be applied to a posted credit memo only.")
    if memo["status"] == "Canceled":
        raise dialog("The credit memo cannot be cancelled because it has already been canceled.")
    if memo["status"] != "Corrective":
        raise dialog("You cannot cancel this posted sales credit memo because it is not a corrective document.")
    lines = lines_of(company, MEMO_LINES, memo)
    today = company.today()
    invoice = posted_copy(company, "salesInvoices", memo) | {
        "number": company.next_number("postedSalesInvoices"),
        "invoiceDate": today,
        "postingDate": today,
        "dueDate": today,
        "remainingAmount": memo["totalAmountIncludingTax"],
        "status": "Corrective",
    }
    company.insert("salesInvoices", invoice)
    dimensions.copy(company, memo["id"], "salesInvoices", invoice["id"])
    for line in lines:
        posted = posted_copy(company, "salesInvoiceLines", line) | {"documentId": invoice["id"]}
        company.insert("salesInvoiceLines", posted)
        move_stock(company, line, -Decimal(line["quantity"]))
    company.update("salesCreditMemos", memo, {"status": "Canceled"})
    refresh_balance(company, memo["billToCustomerId"])
    return f"salesCreditMemos({memo['id']})"


def send(company: Company, memo: Row) -> str:
    if memo["status"] == "Draft":
        raise dialog("The action can be applied to a posted credit memo only.")
    check_address(company, memo, "Credit Memo")
    return f"salesCreditMemos({memo['id']})"


post_and_send = and_send(post, "Credit Memo")
cancel_and_send = and_send(cancel, "Credit Memo")
