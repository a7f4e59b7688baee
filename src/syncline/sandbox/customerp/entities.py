"""The four entities of Customerp, property by property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline.sandbox.customerp.model import Default, Entity, Kind, Property, Series

_REPORTED = "Reported by accounting."


def _text(name: str, max_length: int, *, filter: bool = False, about: str = "") -> Property:  # noqa: A002
    return Property(name=name, kind=Kind.TEXT, max_length=max_length, filter=filter, about=about)


def _code(name: str, about: str) -> Property:
    return _text(name, 20, about=about)


def _decimal(name: str, about: str = "", minimum: int | None = None) -> Property:
    return Property(name=name, kind=Kind.DECIMAL, about=about, minimum=minimum)


def _boolean(name: str, about: str = "", *, default: bool | None = None) -> Property:
    return Property(name=name, kind=Kind.BOOLEAN, about=about, default=default)


def _date(name: str, about: str = "") -> Property:
    return Property(name=name, kind=Kind.DATE, about=about)


def _enum(name: str, *members: str, default: Default, about: str = "", filter: bool = False) -> Property:  # noqa: A002
    return Property(name=name, kind=Kind.ENUM, members=members, default=default, about=about, filter=filter)


def _reference(name: str, refers: str, *, filter: bool = True, about: str = "") -> Property:  # noqa: A002
    return Property(name=name, kind=Kind.REFERENCE, refers=refers, filter=filter, about=about)


def _object(name: str, *properties: Property) -> Property:
    return Property(name=name, kind=Kind.OBJECT, properties=properties)


_PLACE = (
    _text("street", 200),
    _text("street2", 200),
    _text("city", 100),
    _text("region", 100),
    _text("postalCode", 40),
    _text("country", 20, about="ISO 3166-1, two letters."),
)
_PHONE = _text("phone", 60, filter=True, about="E.164 where it is known to be one.")
_EMAIL = _text("email", 200, filter=True)
_WEBSITE = _text("website", 500)
_ORGANISATION_NUMBER = _text("organisationNumber", 50, filter=True)
_CURRENCY = _text("currency", 20, about="ISO 4217; empty is the company's own.")
_PAYMENT_TERMS = _code("paymentTerms", "Code.")
_DELIVERY_TERMS = _code("deliveryTerms", "Code, an Incoterm for instance.")
_SALESPERSON = _code("salesperson", "Code.")

CUSTOMERS = Entity(
    name="customers",
    title="Customer",
    series=Series("customerNo", "CU"),
    properties=(
        _text("customerNo", 50, filter=True),
        _text("name", 200, filter=True),
        _object("address", *_PLACE),
        _PHONE,
        _EMAIL,
        _WEBSITE,
        _ORGANISATION_NUMBER,
        _CURRENCY,
        _PAYMENT_TERMS,
        _code("paymentMethod", "Code."),
        _DELIVERY_TERMS,
        _SALESPERSON,
        _decimal("creditLimit"),
        _boolean("taxable", "Empty where nobody has said."),
        _code("taxArea", "Code."),
        _enum("hold", "none", "shipping", "invoicing", "all", default="none", about="What may not be done for it."),
        _decimal("balanceDue", _REPORTED),
        _decimal("overdue", _REPORTED),
    ),
)

CONTACTS = Entity(
    name="contacts",
    title="Contact",
    series=Series("contactNo", "P"),
    properties=(
        _text("contactNo", 50, filter=True),
        _text("firstName", 100),
        _text("lastName", 100),
        _text("jobTitle", 100),
        _reference("customerId", "customers", about="The customer this person works for."),
        _text("companyName", 200, about=_REPORTED),
        _object("address", *_PLACE),
        _PHONE,
        _text("mobile", 60, filter=True, about="E.164 where it is known to be one."),
        _EMAIL,
        _WEBSITE,
        _boolean("doNotContact"),
        _text("searchName", 200),
        _ORGANISATION_NUMBER,
        _date("lastContacted", _REPORTED),
    ),
)


def _line_kind(line: Mapping[str, Any]) -> str:
    return "text" if line.get("productId") is None else "product"


_LINE_KINDS = ("product", "text", "account", "resource", "asset", "charge", "allocation")
_LINE = (
    _reference("productId", "products", filter=False),
    _enum("kind", *_LINE_KINDS, default=_line_kind, about="Unless given, product with a productId and text without."),
    _text("description", 200),
    _text("description2", 200),
    _decimal("quantity"),
    _text("unit", 20),
    _decimal("unitPrice"),
    _decimal("discountPercent"),
    _date("deliveryDate"),
    _code("taxCode", "Code."),
    _code("variant", "Code."),
    _code("location", "Code."),
    _decimal("toShip"),
    _decimal("toInvoice"),
    _decimal("discountAmount", _REPORTED),
    _decimal("shipped", _REPORTED),
    _decimal("invoiced", _REPORTED),
    _decimal("net", _REPORTED),
    _decimal("tax", _REPORTED),
)

ORDERS = Entity(
    name="orders",
    title="Order",
    series=Series("orderNo", "SO"),
    properties=(
        _text("orderNo", 50, filter=True),
        _text("bcNumber", 50, filter=True, about="The number the order has in accounting. " + _REPORTED),
        _reference("customerId", "customers"),
        _reference("billToCustomerId", "customers"),
        _date("orderDate"),
        _date("postingDate"),
        _date("requestedDelivery"),
        _object("soldTo", *_PLACE),
        _code("department", "Code."),
        _code("project", "Code."),
        _object("shipTo", _text("name", 200), _text("contact", 200), *_PLACE),
        _CURRENCY,
        _PAYMENT_TERMS,
        _DELIVERY_TERMS,
        _SALESPERSON,
        _boolean("pricesIncludeTax"),
        _boolean("allowPartialShipping"),
        _decimal("discountAmount"),
        _PHONE,
        _EMAIL,
        _enum("status", "draft", "review", "open", "completed", "cancelled", default="draft", filter=True),
        _boolean("fullyShipped", _REPORTED),
        _object("totals", _decimal("net", _REPORTED), _decimal("tax", _REPORTED), _decimal("gross", _REPORTED)),
        Property(name="invoiceNumbers", kind=Kind.TEXTS, max_length=50, about=_REPORTED),
        Property(name="lines", kind=Kind.LINES, properties=_LINE),
    ),
)

PRODUCTS = Entity(
    name="products",
    title="Product",
    series=Series("sku", "SKU"),
    properties=(
        _text("sku", 50, filter=True),
        _text("name", 200, filter=True),
        _text("name2", 200),
        _enum("kind", "stock", "service", "nonstock", default="stock"),
        _text("category", 50, filter=True),
        _text("barcode", 50, filter=True),
        _text("unit", 20, about="UN/ECE Recommendation 20, or a code of one's own."),
        _decimal("price", minimum=0),
        _boolean("priceIncludesTax"),
        _decimal("cost", minimum=0),
        _code("taxGroup", "Code."),
        _boolean("active", default=True),
        _decimal("stock", _REPORTED),
    ),
)

ENTITIES = {entity.name: entity for entity in (CUSTOMERS, CONTACTS, ORDERS, PRODUCTS)}
