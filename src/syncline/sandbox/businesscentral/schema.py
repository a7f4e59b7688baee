"""The tables of a company, made from the metadata: one table an entity set, one column a property.

A table is named ``NUMBER$entitySet`` after the company's number, as the product names its own after the company.
Every table and view has ``_row``, the order of creation, and ``_etag``, the version as it is shown.
"""

# Names of tables come from the metadata, never from a request.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import structs

from syncline.connectors.businesscentral.metadata import EdmType, EntitySet, entity_sets

COMPANIES = """
CREATE TABLE companies (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL,
    created_at TEXT NOT NULL, local_currency TEXT NOT NULL
)"""

KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "salesOrderLines": (("documentId", "sequence"),),
    "salesInvoiceLines": (("documentId", "sequence"),),
    "salesShipmentLines": (("documentId", "sequence"),),
    "salesCreditMemoLines": (("documentId", "sequence"),),
    "itemVariants": (("itemId", "code"),),
    "dimensionValues": (("dimensionId", "code"),),
    "dimensionSetLines": (("parentId", "code"),),
    "defaultDimensions": (("parentId", "dimensionId"),),
    "currencyExchangeRates": (("currencyCode", "startingDate"),),
}
"""What is unique besides the id; where nothing is said, the number or the code."""

LOOKED_UP: Mapping[str, tuple[str, ...]] = {
    "contacts": ("companyNumber",),
    "salesOrders": ("externalDocumentNumber", "customerId", "billToCustomerId"),
    "salesInvoices": ("orderNumber", "orderId", "customerId", "billToCustomerId"),
    "salesShipments": ("orderNumber", "customerId"),
    "salesOrderLines": ("itemId",),
    "salesInvoiceLines": ("itemId",),
}
"""What records are looked for by, besides their keys, their modification and the links of navigations."""

PICTURED: Mapping[str, str] = {
    "Customer": "customers",
    "Item": "items",
    "Vendor": "vendors",
    "Employee": "employees",
    "Contact": "contacts",
    "Item_x0020_Variant": "itemVariants",
}
"""The sets whose records have a picture each, there or not, by what the product calls their records."""

_VIEWS: Mapping[str, str] = {
    "contactsInformation": """
        SELECT c._row, c._etag, c.id AS contactId, c.number AS contactNumber, c.displayName AS contactName,
               c.type AS contactType, r.relatedId, r.relatedType
          FROM "{n}$businessRelations" r
          JOIN "{n}$contacts" k ON k.id = r.contactId
          JOIN "{n}$contacts" c ON c.companyNumber = k.number
         UNION ALL
        SELECT k._row, k._etag, k.id, k.number, k.displayName, k.type, r.relatedId, r.relatedType
          FROM "{n}$businessRelations" r
          JOIN "{n}$contacts" k ON k.id = r.contactId AND k.type = 'Person'
    """,
    "customerFinancialDetails": """
        SELECT c._row, c._etag, c.id, c.number, c.balanceDue AS balance,
               CAST(coalesce((SELECT sum(CAST(round(i.totalAmountExcludingTax * 100) AS INTEGER)) / 100.0
                  FROM "{n}$salesInvoices" i
                 WHERE i.billToCustomerId = c.id AND i.status IN ('Open', 'Paid')), 0) AS TEXT)
               AS totalSalesExcludingTax,
               CAST(coalesce((SELECT sum(CAST(round(i.remainingAmount * 100) AS INTEGER)) / 100.0
                  FROM "{n}$salesInvoices" i
                 WHERE i.billToCustomerId = c.id AND i.status = 'Open' AND i.dueDate < today()), 0) AS TEXT)
               AS overdueAmount,
               c.lastModifiedDateTime
          FROM "{n}$customers" c
    """,
    "customerContacts": """
        SELECT c._row, c._etag, c.id, c.email,
               first_name(c.displayName) AS firstName, last_name(c.displayName) AS lastName,
               c.jobTitle AS professionalTitle, r.relatedId AS customerId, u.displayName AS customerName,
               c.phoneNumber AS primaryPhoneNumber
          FROM "{n}$businessRelations" r
          JOIN "{n}$customers" u ON u.id = r.relatedId AND r.relatedType = 'Customer'
          JOIN "{n}$contacts" k ON k.id = r.contactId
          JOIN "{n}$contacts" c ON c.companyNumber = k.number AND c.type = 'Person'
    """,
    "pictures": " UNION ALL ".join(
        f"""
        SELECT o._row, o._etag, o.id, '{kind}' AS parentType, coalesce(i.width, 0) AS width,
               coalesce(i.height, 0) AS height, coalesce(i.contentType, '') AS contentType
          FROM "{{n}}${entity_set}" o LEFT JOIN "{{n}}$images" i ON i.id = o.id
        """
        for kind, entity_set in PICTURED.items()
    ),
}
"""Sets that are looked at but not kept. Exact sums: whole cents first.

``today()`` is the sandbox's clock, the parts of a name come from `names`.
"""

_OWN = """
CREATE TABLE "{n}$businessRelations" (
    contactId TEXT NOT NULL, relatedType TEXT NOT NULL, relatedId TEXT NOT NULL, PRIMARY KEY (relatedId, relatedType)
) WITHOUT ROWID;
CREATE INDEX "{n}$businessRelations contact" ON "{n}$businessRelations" (contactId);
CREATE TABLE "{n}$numberSeries" (
    name TEXT PRIMARY KEY, last TEXT NOT NULL, step INTEGER NOT NULL, manual INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE "{n}$images" (
    id TEXT PRIMARY KEY, width INTEGER NOT NULL, height INTEGER NOT NULL, contentType TEXT NOT NULL,
    content BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE "{n}$ledger" (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE "{n}$itemUnits" (itemId TEXT, code TEXT, quantity TEXT NOT NULL, PRIMARY KEY (itemId, code)) WITHOUT ROWID;
CREATE TABLE "{n}$taxRates" (area TEXT, tax_group TEXT, percent TEXT NOT NULL, PRIMARY KEY (area, tax_group))
    WITHOUT ROWID
"""


_LIKE: Mapping[str, str] = {"salesCreditMemoLines": "salesInvoiceLines"}
"""Lines that documents have and no set shows, and the set that they are kept like."""


def company_tables(number: int) -> Iterator[str]:
    """The statements that make a company's tables."""
    yield from _OWN.format(n=number).split(";")
    for entity_set in entity_sets().values():
        if entity_set.name in _VIEWS:
            yield f'CREATE VIEW "{number}${entity_set.name}" AS {_VIEWS[entity_set.name].format(n=number)}'
        else:
            yield from _table(number, entity_set)
    for name, like in _LIKE.items():
        yield from _table(number, structs.replace(entity_sets()[like], name=name))


def is_view(name: str) -> bool:
    return name in _VIEWS


def columns(entity_set: EntitySet) -> tuple[str, ...]:
    """The properties that are kept in a column, in the order they are shown."""
    return tuple(name for name, said in entity_set.properties.items() if said.type is not EdmType.STREAM)


def key_of(entity_set: EntitySet) -> str:
    """The property that addresses a record."""
    return "id" if "id" in entity_set.properties else next(iter(entity_set.properties))


def unique_keys(entity_set: EntitySet) -> tuple[tuple[str, ...], ...]:
    """What no two records may share, besides the id."""
    named = KEYS.get(entity_set.name)
    if named is not None:
        return named
    return tuple((name,) for name in ("number", "code") if name in entity_set.properties)[:1]


def _table(number: int, entity_set: EntitySet) -> Iterator[str]:
    name = f"{number}${entity_set.name}"
    typed = [
        f'"{column}" {"INTEGER" if entity_set.properties[column].type is EdmType.INT32 else "TEXT"} NOT NULL'
        for column in columns(entity_set)
    ]
    yield f'CREATE TABLE "{name}" (_row INTEGER PRIMARY KEY, _etag TEXT NOT NULL, {", ".join(typed)})'
    for index, key in enumerate(unique_keys(entity_set)):
        yield f'CREATE UNIQUE INDEX "{name} key {index}" ON "{name}" ({_list(key)})'
    own_id = "id" in entity_set.properties and entity_set.properties["id"].read_only
    for column in sorted(_looked_up(entity_set)):
        unique = "UNIQUE " if own_id and column == "id" else ""
        yield f'CREATE {unique}INDEX "{name} {column}" ON "{name}" ("{column}")'


def _looked_up(entity_set: EntitySet) -> set[str]:
    led_to = {
        condition.child
        for other in entity_sets().values()
        for way in other.navigations.values()
        if way.entity_set == entity_set.name
        for condition in way.conditions
        if condition.parent
    }
    wanted = {key_of(entity_set), "lastModifiedDateTime", *LOOKED_UP.get(entity_set.name, ()), *led_to}
    return wanted & set(columns(entity_set))


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
