"""What is peculiar to an entity, as data: what it is watched through, where it lives on, what it may not be asked."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import EntitySet, Navigation

MODIFIED = "lastModifiedDateTime"
SEQUENCE = "sequence"


class Watch(Struct, frozen=True, kw_only=True):
    """Another entity whose changes touch records of this one that are not themselves modified.

    ``owners`` are its properties that hold a touched record's id; ``condition`` is the filter of what counts.
    """

    entity: str
    owners: tuple[str, ...]
    condition: str


class Afterlife(Struct, frozen=True, kw_only=True):
    """A record that is used up, by the bound ``action``, disappears and lives on in records of another entity.

    ``owner`` is their property with its id; ``fields`` is what is then told of it. ``numbers`` is the connector's own
    property: their numbers. A record that still exists has some where one of its lines has a ``trace``.
    """

    action: str
    entity: str
    owner: str
    condition: str
    fields: Mapping[str, str]
    numbers: str
    trace: str


class Traits(Struct, frozen=True, kw_only=True):
    """``chosen`` says which record of a to-many navigation stands for all; ``unfilterable`` is refused in a filter.

    ``resets`` are the properties that Business Central sets anew when another one, the key, is written; ``capitals``
    are kept in upper case although they are no codes. ``codes`` is the entity in which a property's value must be a
    code, ``""`` where its codes depend on more than that. ``late`` are properties that a record takes only once it has
    lines, and anew after these changed; ``reprices`` are those that change the prices of its lines; to write what
    ``posts`` makes a ledger entry.
    """

    watch: Watch | None = None
    afterlife: Afterlife | None = None
    chosen: Mapping[str, tuple[str, str]] = {}
    unfilterable: frozenset[str] = frozenset()
    resets: Mapping[str, tuple[str, ...]] = {}
    codes: Mapping[str, str] = {}
    late: frozenset[str] = frozenset()
    reprices: frozenset[str] = frozenset()
    posts: frozenset[str] = frozenset()
    capitals: frozenset[str] = frozenset()


_POSTED = "status ne 'Draft'"
_TAX_NUMBER = frozenset({"taxRegistrationNumber"})  # ``VAT Registration No.`` of the customer's and the contact's table
# The table relations of the properties that hold a code as text.
_PARTY_CODES = {"country": "countriesRegions", "currencyCode": "currencies", "salespersonCode": "salespeoplePurchasers"}
_ORDER_CODES = {
    **dict.fromkeys(("sellToCountry", "shipToCountry", "billToCountry"), "countriesRegions"),
    **dict.fromkeys(("shortcutDimension1Code", "shortcutDimension2Code"), ""),  # of the dimension that the setup names
    "currencyCode": "currencies",
    "salesperson": "salespeoplePurchasers",
}
_ITEM_CODES = {
    "itemCategoryCode": "itemCategories",
    "baseUnitOfMeasureCode": "unitsOfMeasure",
    "taxGroupCode": "taxGroups",
    "generalProductPostingGroupCode": "generalProductPostingGroups",
    "inventoryPostingGroupCode": "inventoryPostingGroups",
}
_TRAITS: Mapping[str, Traits] = {
    # Posting an invoice moves a customer's balance, but neither its version nor its time of modification.
    "customers": Traits(
        watch=Watch(entity="salesInvoices", owners=("customerId", "billToCustomerId"), condition=_POSTED),
        chosen={"contactsInformation": ("contactType", "Company")},
        unfilterable=frozenset({"blocked"}),
        capitals=_TAX_NUMBER,
        codes=_PARTY_CODES,
    ),
    "contacts": Traits(capitals=_TAX_NUMBER, codes=_PARTY_CODES),
    "items": Traits(codes=_ITEM_CODES, posts=frozenset({"inventory"})),
    # An order that is fully invoiced is no longer among the orders; its invoices name it.
    "salesOrders": Traits(
        watch=Watch(entity="salesInvoices", owners=("orderId",), condition=_POSTED),
        afterlife=Afterlife(
            action="Microsoft.NAV.shipAndInvoice",
            entity="salesInvoices",
            owner="orderId",
            condition=_POSTED,
            fields={"status": "Completed"},
            numbers="invoiceNumbers",
            trace="invoicedQuantity",
        ),
        codes=_ORDER_CODES,
        late=frozenset({"discountAmount"}),  # it is spread over the lines: without any it is refused
        reprices=frozenset({"pricesIncludeTax", "currencyCode", "customerId", "billToCustomerId"}),
    ),
    # Price and discount are looked up again, as for a new line: ``UpdateUnitPrice`` of ``SalesLine.Table``.
    "salesOrderLines": Traits(
        resets=dict.fromkeys(("quantity", "unitOfMeasureCode", "itemVariantId"), ("unitPrice", "discountPercent")),
        codes={"unitOfMeasureCode": "", "taxCode": "taxGroups"},  # an item has units of its own
    ),
}
_PLAIN = Traits()
_CODES_WITHIN = {"itemVariants": "itemId", "dimensionValues": "dimensionId"}


def traits_of(entity: str) -> Traits:
    return _TRAITS.get(entity, _PLAIN)


def touched_by(entity: str) -> frozenset[str]:
    """The entities whose records are touched by changes of this one."""
    return frozenset(name for name, traits in _TRAITS.items() if traits.watch and traits.watch.entity == entity)


def code_properties(entity_set: EntitySet) -> tuple[str, str | None]:
    """The property that holds a table's code, and the one with the record that the code belongs to."""
    return ("code" if "code" in entity_set.properties else "number"), _CODES_WITHIN.get(entity_set.name)


def holds_lines(way: Navigation) -> bool:
    """Whether a navigation leads to the lines of a document."""
    return way.many and any(condition.child == "documentId" for condition in way.conditions)
