"""Ship and invoice an order: what is to be shipped and invoiced becomes a posted shipment and a posted invoice.

Followed from the page ``APIV2SalesOrders`` (``ShipAndInvoice``): an order that is wholly invoiced is gone, and lives on
in its invoices, which name it.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from decimal import Decimal
from uuid import uuid4

from syncline.connectors.businesscentral.metadata import ZERO_DATE, ZERO_GUID, entity_sets
from syncline.sandbox.businesscentral import amounts, schema, values
from syncline.sandbox.businesscentral.company import Company, Row, add_days
from syncline.sandbox.businesscentral.errors import dialog
from syncline.sandbox.businesscentral.rules.saleslines import set_outstanding
from syncline.sandbox.businesscentral.rules.totals import refresh_document
from syncline.sandbox.businesscentral.values import number, rounded

_SHIPMENT_LINE_TYPES = {
    "Comment": "_x0020_",
    "Account": "G_x002F_L_x0020_Account",
    "Charge": "Charge_x0020__x0028_Item_x0029_",
}


def ship_and_invoice(company: Company, order: Row) -> str:
    """Post what the lines say is to be shipped and invoiced; the path of the invoice, or of the order where none is."""
    lines = sorted(company.all("salesOrderLines", documentId=order["id"]), key=lambda line: int(line["sequence"]))
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
        company.delete("salesOrders", order)
    else:
        company.update("salesOrders", order, {"status": "Open"})
        refresh_document(company, "salesOrders", "salesOrderLines", order["id"])
    if invoice is None:
        return f"salesOrders({order['id']})"
    refresh_balance(company, order["billToCustomerId"])
    return f"salesInvoices({invoice})"


def refresh_balance(company: Company, customer_id: str) -> None:
    """A customer's balance is what is unpaid of its posted invoices. The customer itself is not thereby modified."""
    customer = company.find("customers", id=customer_id)
    if customer:
        open_invoices = company.all("salesInvoices", billToCustomerId=customer_id, status="Open")
        due = sum((Decimal(invoice["remainingAmount"]) for invoice in open_invoices), Decimal(0))
        company.derive("customers", customer, {"balanceDue": number(due)})


def due_date(formula: str, day: str) -> str:
    """A day moved by a date formula such as ``30D``, ``1M``, ``CM`` (end of month) or ``CM+14D``."""
    moved = day
    for part in re.findall(r"[+-]?(?:CM|\d+[DWM])", formula.upper()):
        if part.endswith("CM"):
            moved = _month_end(moved)
        else:
            amount, unit = int(part[:-1]), part[-1]
            moved = _add_months(moved, amount) if unit == "M" else add_days(moved, amount * (7 if unit == "W" else 1))
    return moved


def _check(company: Company, order: Row, lines: list[Row]) -> None:
    for customer_id in dict.fromkeys((order["customerId"], order["billToCustomerId"])):
        customer = company.find("customers", id=customer_id)
        if customer and customer["blocked"] != "_x0020_":
            raise dialog(f"You cannot post: Customer {customer['number']} is blocked with type {customer['blocked']}.")
    if not lines:
        raise dialog("Please add at least one line item to the document.")
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
    shipment = _posted("salesShipments", order) | {
        "number": company.next_number("salesShipments"),
        "invoiceDate": order["orderDate"],
        "dueDate": order["postingDate"],
        "orderNumber": order["number"],
        "paymentTermsCode": _code(company, "paymentTerms", order["paymentTermsId"]),
        "shipmentMethodCode": _code(company, "shipmentMethods", order["shipmentMethodId"]),
    }
    company.insert("salesShipments", shipment)
    for line in lines:
        posted = _posted("salesShipmentLines", line) | {
            "documentId": shipment["id"],
            "documentNo": shipment["number"],
            "quantity": line["shipQuantity"],
            "lineType": _SHIPMENT_LINE_TYPES.get(line["lineType"], line["lineType"]),
        }
        company.insert("salesShipmentLines", posted)
        _take_from_stock(company, line)


def _post_invoice(company: Company, order: Row, lines: list[Row]) -> str:
    invoice = _posted("salesInvoices", order)
    with_tax = order["pricesIncludeTax"] == "true"
    posted = [_invoiced(line, invoice["id"], with_tax=with_tax) for line in lines]
    totals = amounts.document_totals(posted)
    terms = company.find("paymentTerms", id=order["paymentTermsId"])
    posting_date = order["postingDate"] if order["postingDate"] != ZERO_DATE else company.today()
    invoice |= {
        **totals,
        "number": company.next_number("postedSalesInvoices"),
        "orderId": order["id"],
        "orderNumber": order["number"],
        "invoiceDate": order["orderDate"],
        "postingDate": posting_date,
        "dueDate": due_date(terms["dueDateCalculation"] if terms else "", posting_date),
        "discountAmount": number(sum((Decimal(line["invoiceDiscountAllocation"]) for line in posted), Decimal(0))),
        "remainingAmount": totals["totalAmountIncludingTax"],
        "status": "Open",
    }
    company.insert("salesInvoices", invoice)
    for line in posted:
        company.insert("salesInvoiceLines", line)
    return str(invoice["id"])


def _invoiced(line: Row, invoice: str, *, with_tax: bool) -> Row:
    """The line of the posted invoice: the part of the order's line that is invoiced now."""
    posted = _posted("salesInvoiceLines", line) | {"documentId": invoice, "quantity": line["invoiceQuantity"]}
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


def _take_from_stock(company: Company, line: Row) -> None:
    item = company.find("items", id=line["itemId"]) if line["itemId"] != ZERO_GUID else None
    if item and item["type"] == "Inventory":
        left = Decimal(item["inventory"]) - Decimal(line["shipQuantity"])
        company.derive("items", item, {"inventory": number(left)})


def _posted(entity_set: str, source: Row) -> Row:
    """A new record of another set with all that both have, except who they are."""
    described = entity_sets()[entity_set]
    blank = {name: values.blank(described.properties[name]) for name in schema.columns(described)}
    return {name: source.get(name, empty) for name, empty in blank.items()} | {"id": str(uuid4())}


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
