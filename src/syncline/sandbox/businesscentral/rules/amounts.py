"""What a sales line and its document come to: pure sums, every one rounded to the cent where the product rounds it.

``net`` is without tax. A line's amounts come twice: before its share of the document's discount, and behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from syncline.sandbox.businesscentral.values import number, rounded

CENTS = 2
PRICE_DECIMALS = 5
_HUNDRED = Decimal(100)


def before_discount(line: Mapping[str, Any]) -> Decimal:
    return rounded(Decimal(line["quantity"]) * Decimal(line["unitPrice"]), CENTS)


def line_amount(line: Mapping[str, Any]) -> Decimal:
    """In the terms of the unit price: with tax where prices include it."""
    return before_discount(line) - Decimal(line["discountAmount"])


def discounted_with(line: Mapping[str, Any]) -> Decimal:
    """How much of a line a discount on the whole document is taken from: an account bears none of it."""
    return Decimal(0) if line["lineType"] == "Account" else line_amount(line)


def discount_amount(line: Mapping[str, Any]) -> str:
    """By the line's discount percentage."""
    return number(rounded(before_discount(line) * Decimal(line["discountPercent"]) / _HUNDRED, CENTS))


def discount_percent(line: Mapping[str, Any]) -> str:
    """By the line's discount amount."""
    whole = before_discount(line)
    return number(rounded(Decimal(line["discountAmount"]) / whole * _HUNDRED, 5)) if whole else "0"


def line_totals(line: Mapping[str, Any], *, with_tax: bool, allocation: Decimal) -> dict[str, str]:
    """The derived amounts of a line. ``allocation`` is its share of the document's discount, in line amount terms."""
    rate = Decimal(line["taxPercent"]) / _HUNDRED
    amount = line_amount(line)
    net, tax = _split(amount, rate, with_tax=with_tax)
    net_after, tax_after = _split(amount - allocation, rate, with_tax=with_tax)
    return {
        "amountExcludingTax": number(net),
        "totalTaxAmount": number(tax),
        "amountIncludingTax": number(net + tax),
        "invoiceDiscountAllocation": number(net - net_after),
        "netAmount": number(net_after),
        "netTaxAmount": number(tax_after),
        "netAmountIncludingTax": number(net_after + tax_after),
    }


def allocations(discount: Decimal, amounts: Sequence[Decimal]) -> list[Decimal]:
    """A document's discount over its lines by their amounts; the cents that rounding leaves go along the way."""
    whole = sum(amounts, Decimal(0))
    shares: list[Decimal] = []
    passed = given = Decimal(0)
    for amount in amounts:
        passed += amount
        until = rounded(discount * passed / whole, CENTS) if whole else Decimal(0)
        shares.append(until - given)
        given = until
    return shares


def document_totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    net = sum((Decimal(line["netAmount"]) for line in lines), Decimal(0))
    tax = sum((Decimal(line["netTaxAmount"]) for line in lines), Decimal(0))
    return {
        "totalAmountExcludingTax": number(net),
        "totalTaxAmount": number(tax),
        "totalAmountIncludingTax": number(net + tax),
    }


def tax_factor(percent: str, *, included: bool) -> Decimal:
    """What a price without tax is multiplied by to include it, or one with it to be without."""
    factor = 1 + Decimal(percent) / _HUNDRED
    return factor if included else 1 / factor


def _split(amount: Decimal, rate: Decimal, *, with_tax: bool) -> tuple[Decimal, Decimal]:
    if with_tax:
        net = rounded(amount / (1 + rate), CENTS)
        return net, amount - net
    return amount, rounded(amount * rate, CENTS)
