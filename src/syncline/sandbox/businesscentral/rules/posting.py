"""Ship and invoice an order: what is to be shipped and invoiced becomes a posted shipment and a posted invoice.

Followed from the page ``APIV2SalesOrders`` (``ShipAndInvoice``) and ``SalesPost``: an order that is wholly invoiced is
gone, and lives on in its invoices, which name it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from syncline.connectors.businesscentral.metadata import ZERO_DATE, entity_sets
from syncline.sandbox.businesscentral.company import Company, Row, add_days
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules import amounts, blocking, dimensions, itemunits, ledger
from syncline.sandbox.businesscentral.rules.saleslines import set_outstanding
from syncline.sandbox.businesscentral.rules.totals import lines_of, refresh_document
from syncline.sandbox.businesscentral.values import number, rounded

_SHIPMENT_LINE_TYPES = {
    "Comment": "_x0020_",
    "Account": "G_x002F_L_x0020_Account",
    "Charge": "Charge_x0020__x0028_Item_x0029_",
}


def ship_and_invoice(company: Company, order: Row) -> str:
    """Post what the lines say is to be shipped and invoiced; the path of the invoice, or of the order where none is."""
    lines = lines_of(company, "salesOrderLines", order)
    _check(company, order, lines)
    if any(Decimal(line["shipQuantity"]) for line in lines):
        _post_shipment(company, order, lines)
    invoice = None
    if any(Decimal(line["invoiceQuantity"]) for line in lines):
        invoice = _post_invoice(company, order, lines)
    for line in lines:
        _settle(company, line)
    counted = [line for line in lines if Decimal(line["quantity"])]
    if all(line["invoicedQuantity"] == line["quantity"] for line in counted):
        for line in lines:
            company.delete("salesOrderLines", line)
            dimensions.forget(company, line["id"])
        company.delete("salesOrders", order)
        dimensions.forget(company, order["id"])
    else:
        company.update("salesOrders", order, {"status": "Open"})
        refresh_document(company, "salesOrders", "salesOrderLines", order["id"])
    if invoice is None:
        return f"salesOrders({order['id']})"
    refresh_balance(company, order["billToCustomerId"])
    return f"salesInvoices({invoice})"


def refresh_balance(company: Company, customer_id: str) -> None:
    """A customer's balance is what is unpaid of its posted invoices, less its posted credit memos that none applies to.

    The customer itself is not thereby modified.
    """
    customer = company.find("customers", id=customer_id)
    if customer:
        invoices = [
            invoice
            for status in ("Open", "Corrective")
            for invoice in company.all("salesInvoices", billToCustomerId=customer_id, status=status)
        ]
        due = sum((Decimal(invoice["remainingAmount"]) for invoice in invoices), Decimal(0))
        open_memos = company.all("salesCreditMemos", billToCustomerId=customer_id, status="Open")
        due -= sum((Decimal(memo["totalAmountIncludingTax"]) for memo in open_memos), Decimal(0))
        company.derive("customers", customer, {"balanceDue": number(due)})


def due_date(formula: str, day: str) -> str:
    """A day moved by a date formula such as ``30D``, ``1M``, ``CM`` (end of month) or ``CM+14D``.

    The blank day stays. Raises `ApiError` where the formula leads beyond all days.
    """
    if day == ZERO_DATE:
        return day
    try:
        return _moved(formula, day)
    except (ValueError, OverflowError):
        raise dialog(f"The date that is {formula} from {day} is not in the valid range.") from None


def _moved(formula: str, day: str) -> str:
    moved = day
    for part in re.findall(r"[+-]?(?:CM|\d+[DWM])", formula.upper()):
        if part.endswith("CM"):
            moved = _month_end(moved)
        else:
            amount, unit = int(part[:-1]), part[-1]
            moved = _add_months(moved, amount) if unit == "M" else add_days(moved, amount * (7 if unit == "W" else 1))
    return moved


def parties_of(company: Company, document: Row) -> list[Row]:
    """Who is sold to and who pays: two customers, or one."""
    ids = dict.fromkeys((document["customerId"], document["billToCustomerId"]))
    return [customer for each in ids if (customer := company.find("customers", id=each))]


def check_parties_and_lines(company: Company, document: Row, lines: Sequence[Row], kind: str, *, ships: bool) -> None:
    """Refuse to post for a blocked customer, with a blocked item, or without the dimensions that are demanded."""
    for customer in parties_of(company, document):
        blocking.check_posting(customer, kind, ships=ships)
    carried = dimensions.dimensions_of(company, document["id"])
    called = f"Customer {document['billToCustomerNumber']}"
    dimensions.check_posting(company, document["billToCustomerId"], carried, called)
    for line in lines:
        item = company.find("items", id=line["itemId"])
        if item is None or not Decimal(line["quantity"]):
            continue
        blocking.check_item(item)
        carried = dimensions.dimensions_of(company, line["id"])
        dimensions.check_posting(company, item["id"], carried, f"Item {item['number']}")


def check_quantities(lines: Sequence[Row]) -> None:
    """Nothing to sell, or a line that names something and says not how much of it."""
    if not lines:
        raise dialog("Please add at least one line item to the document.")
    if any(line["lineType"] != "Comment" and not Decimal(line["quantity"]) for line in lines):
        raise dialog("One or more document lines with a value in the No. field do not have a quantity specified.")


def posted_copy(company: Company, entity_set: str, source: Row) -> Row:
    """A new record of another set with all that both have, except who they are."""
    blank = company.blank_row(entity_sets()[entity_set])
    return {name: empty if name == "id" else source.get(name, empty) for name, empty in blank.items()}


def move_stock(company: Company, line: Row, quantity: Decimal) -> None:
    """Add so many of the line's units to what there is of its item, and note that postings name it and the variant."""
    item = company.find("items", id=line["itemId"])
    if item is None or not quantity:
        return
    ledger.enter(company, item["id"], line["itemVariantId"])
    if item["type"] == "Inventory":
        held = itemunits.base_units_in(company, item, line["unitOfMeasureCode"]) or Decimal(1)
        company.derive("items", item, {"inventory": number(Decimal(item["inventory"]) + quantity * held)})


def enter_in_ledger(company: Company, document: Row) -> None:
    """Note what a posted document names, which can be deleted no longer."""
    salesperson = company.find("salespeoplePurchasers", code=document["salesperson"])
    ledger.enter(company, document["billToCustomerId"], *([salesperson["id"]] if salesperson else []))


def _check(company: Company, order: Row, lines: list[Row]) -> None:
    ships = any(Decimal(line["shipQuantity"]) for line in lines)
    check_parties_and_lines(company, order, lines, "Order", ships=ships)
    check_quantities(lines)
    if not any(Decimal(line["shipQuantity"]) or Decimal(line["invoiceQuantity"]) for line in lines):
        raise dialog("There is nothing to post.")
    unshipped = [
        line
        for line in lines
        if Decimal(line["shippedQuantity"]) + Decimal(line["shipQuantity"]) != Decimal(line["quantity"])
    ]
    if order["partialShipping"] == "false" and unshipped:
        raise dialog("Shipping Advice must be Partial: the order is to be shipped complete.")


def _post_shipment(company: Company, order: Row, lines: list[Row]) -> None:
    terms = company.find("paymentTerms", id=order["paymentTermsId"])
    shipment = posted_copy(company, "salesShipments", order) | {
        "number": company.next_number("salesShipments"),
        "invoiceDate": order["orderDate"],
        "dueDate": due_date(terms["dueDateCalculation"] if terms else "", order["orderDate"]),
        "orderNumber": order["number"],
        "paymentTermsCode": terms["code"] if terms else "",
        "shipmentMethodCode": _code(company, "shipmentMethods", order["shipmentMethodId"]),
    }
    company.insert("salesShipments", shipment)
    dimensions.copy(company, order["id"], "salesShipments", shipment["id"])
    for line in lines:
        posted = posted_copy(company, "salesShipmentLines", line) | {
            "documentId": shipment["id"],
            "documentNo": shipment["number"],
            "quantity": line["shipQuantity"],
            "lineType": _SHIPMENT_LINE_TYPES.get(line["lineType"], line["lineType"]),
        }
        company.insert("salesShipmentLines", posted)
        dimensions.copy(company, line["id"], "salesShipmentLines", posted["id"])
        move_stock(company, line, -Decimal(line["shipQuantity"]))


def _post_invoice(company: Company, order: Row, lines: list[Row]) -> str:
    invoice = posted_copy(company, "salesInvoices", order)
    with_tax = order["pricesIncludeTax"] == "true"
    posted = [_invoiced(company, line, invoice["id"], with_tax=with_tax) for line in lines]
    totals = amounts.document_totals(posted)
    terms = company.find("paymentTerms", id=order["paymentTermsId"])
    invoice |= {
        **totals,
        "number": company.next_number("postedSalesInvoices"),
        "orderId": order["id"],
        "orderNumber": order["number"],
        "invoiceDate": order["orderDate"],
        "postingDate": order["postingDate"] if order["postingDate"] != ZERO_DATE else company.today(),
        "dueDate": due_date(terms["dueDateCalculation"] if terms else "", order["orderDate"]),
        "discountAmount": number(sum((Decimal(line["invoiceDiscountAllocation"]) for line in posted), Decimal(0))),
        "remainingAmount": totals["totalAmountIncludingTax"],
        "status": "Open",
    }
    company.insert("salesInvoices", invoice)
    dimensions.copy(company, order["id"], "salesInvoices", invoice["id"])
    enter_in_ledger(company, invoice)
    for line, source in zip(posted, lines, strict=True):
        company.insert("salesInvoiceLines", line)
        dimensions.copy(company, source["id"], "salesInvoiceLines", line["id"])
    return str(invoice["id"])


def _invoiced(company: Company, line: Row, invoice: str, *, with_tax: bool) -> Row:
    """The line of the posted invoice: the part of the order's line that is invoiced now."""
    posted = posted_copy(company, "salesInvoiceLines", line)
    posted |= {"documentId": invoice, "quantity": line["invoiceQuantity"]}
    if line["invoiceQuantity"] == line["quantity"]:
        return posted
    part = Decimal(line["invoiceQuantity"]) / Decimal(line["quantity"]) if Decimal(line["quantity"]) else Decimal(0)
    posted["discountAmount"] = amounts.discount_amount(posted)
    share = Decimal(line["amountIncludingTax"]) - Decimal(line["netAmountIncludingTax"])
    if not with_tax:
        share = Decimal(line["invoiceDiscountAllocation"])
    allocation = rounded(share * part, amounts.CENTS)
    return posted | amounts.line_totals(posted, with_tax=with_tax, allocation=allocation)


def _settle(company: Company, line: Row) -> None:
    changes = {
        "shippedQuantity": number(Decimal(line["shippedQuantity"]) + Decimal(line["shipQuantity"])),
        "invoicedQuantity": number(Decimal(line["invoicedQuantity"]) + Decimal(line["invoiceQuantity"])),
        "shipQuantity": "0",
    }
    settled = line | changes
    set_outstanding(settled)
    changes |= {name: settled[name] for name in ("shipQuantity", "invoiceQuantity")}
    company.update("salesOrderLines", line, changes)


def _code(company: Company, entity_set: str, record: str) -> str:
    found = company.find(entity_set, id=record)
    return str(found["code"]) if found else ""


def _month_end(day: str) -> str:
    then = date.fromisoformat(day)
    return then.replace(day=calendar.monthrange(then.year, then.month)[1]).isoformat()


def _add_months(day: str, months: int) -> str:
    then = date.fromisoformat(day)
    years, month = divmod(then.month - 1 + months, 12)
    year = then.year + years
    return date(year, month + 1, min(then.day, calendar.monthrange(year, month + 1)[1])).isoformat()
