"""A sales document and its lines kept in step: tax, the document's discount over its lines, and its totals."""

from __future__ import annotations

from decimal import Decimal

from syncline.connectors.businesscentral.metadata import ZERO_GUID
from syncline.sandbox.businesscentral.company import Company, Row
from syncline.sandbox.businesscentral.errors import field_error
from syncline.sandbox.businesscentral.rules import amounts
from syncline.sandbox.businesscentral.values import number, rounded, truth


def tax_percent(company: Company, document: Row, tax_group: str) -> str:
    """Of a line with this tax group, by the tax area of the customer that pays."""
    customer = company.find("customers", id=document["billToCustomerId"])
    area = ""
    if customer and customer["taxAreaId"] != ZERO_GUID:
        found = company.find("taxAreas", id=customer["taxAreaId"])
        area = found["code"] if found else ""
    return number(company.tax_percent(area, tax_group))


def check_open(order: Row) -> None:
    """An order that was posted in part is released: what determines its amounts can no longer be changed."""
    if order["status"] != "Draft":
        raise field_error(
            f"Status must be equal to 'Open' in Sales Header: Document Type=Order, No.={order['number']}. "
            "Current value is 'Released'."
        )


def lines_of(company: Company, lines_set: str, document: Row) -> list[Row]:
    """In their order."""
    return sorted(company.all(lines_set, documentId=document["id"]), key=lambda line: int(line["sequence"]))


def refresh_document(company: Company, document_set: str, lines_set: str, document_id: str) -> None:
    """Share the document's discount among its lines and add them up; the document's version and time move."""
    document = company.find(document_set, id=document_id)
    if document is None:
        return
    lines = lines_of(company, lines_set, document)
    with_tax = document["pricesIncludeTax"] == "true"
    sums = [amounts.discounted_with(line) for line in lines]
    whole = sum(sums, Decimal(0))
    discount = Decimal(document["discountAmount"])
    if lines:
        discount = max(Decimal(0), min(discount, whole))
    before_tax = truth(lines and not with_tax)
    for line, share in zip(lines, amounts.allocations(discount, sums), strict=True):
        totals = amounts.line_totals(line, with_tax=with_tax, allocation=share)
        totals["discountAppliedBeforeTax"] = before_tax
        if any(line[name] != value for name, value in totals.items()):
            company.update(lines_set, line, totals)
    changes = {
        "discountAmount": number(discount),
        "discountAppliedBeforeTax": before_tax,
        **amounts.document_totals(lines),
    }
    if "fullyShipped" in document:
        changes["fullyShipped"] = truth(_fully_shipped(lines))
    company.update(document_set, document, changes)


def retax_lines(company: Company, document: Row, lines_set: str) -> None:
    """The lines' tax by the customer that the document has now."""
    for line in company.all(lines_set, documentId=document["id"]):
        percent = tax_percent(company, document, line["taxCode"])
        if percent != line["taxPercent"]:
            company.update(lines_set, line, {"taxPercent": percent})


def reprice_lines(company: Company, document_set: str, document: Row, lines_set: str) -> None:
    """The lines' prices and the document's discount, once these are meant to include the tax, or no longer."""
    lines = lines_of(company, lines_set, document)
    shares = amounts.allocations(Decimal(document["discountAmount"]), [amounts.discounted_with(line) for line in lines])
    discount = Decimal(0)
    for line, share in zip(lines, shares, strict=True):
        factor = amounts.tax_factor(line["taxPercent"], included=document["pricesIncludeTax"] == "true")
        discount += rounded(share * factor, amounts.CENTS)
        price = number(rounded(Decimal(line["unitPrice"]) * factor, amounts.PRICE_DECIMALS))
        if price != line["unitPrice"]:
            repriced = line | {"unitPrice": price}
            changes = {"unitPrice": price, "discountAmount": amounts.discount_amount(repriced)}
            company.update(lines_set, line, changes)
    company.derive(document_set, document, {"discountAmount": number(discount)})


def _fully_shipped(lines: list[Row]) -> bool:
    """Of the lines that are no comments; one without a quantity is never shipped."""
    counted = [line for line in lines if line["lineType"] != "Comment"]
    return bool(lines) and all(
        Decimal(line["quantity"]) and line["quantity"] == line["shippedQuantity"] for line in counted
    )
