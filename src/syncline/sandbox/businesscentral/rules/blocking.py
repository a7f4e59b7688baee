"""What a blocked customer keeps from being made and posted, and a blocked item from being sold.

Followed from ``CheckBlockedCustOnDocs`` of the base application's ``Customer.Table`` and from its callers.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncline.sandbox.businesscentral.company import Row
from syncline.sandbox.businesscentral.errors import dialog, field_error

_SOLD = frozenset({"Quote", "Order", "Invoice"})
_MAKING: Mapping[str, frozenset[str]] = {
    "All": _SOLD | {"Credit Memo"},
    "Invoice": _SOLD,
    "Ship": frozenset({"Quote", "Order"}),
}
"""The kinds of documents that are not made for a customer blocked so."""


def check_making(customer: Row, kind: str) -> None:
    if kind in _MAKING.get(customer["blocked"], ()):
        raise _blocked("create", customer)


def check_posting(customer: Row, kind: str, *, ships: bool) -> None:
    """``ships``: goods leave with this posting, which is all that a customer blocked for shipping does not get."""
    refused = ships and kind in _SOLD if customer["blocked"] == "Ship" else kind in _MAKING.get(customer["blocked"], ())
    if refused:
        raise _blocked("post", customer)


def check_item(item: Row) -> None:
    if item["blocked"] == "true":
        raise field_error(f"Blocked must be equal to 'No' in Item: No.={item['number']}. Current value is 'Yes'.")


def _blocked(action: str, customer: Row) -> Exception:
    return dialog(
        f"You cannot {action} this type of document when Customer {customer['number']} is blocked with type "
        f"{customer['blocked']}"
    )
