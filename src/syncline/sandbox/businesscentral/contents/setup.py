"""A company with its set-up codes: what every company has before its first customer."""

# Names of tables and columns come from the metadata, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

import pycountry

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral.company import LOCAL_CURRENCY, Company, Database
from syncline.sandbox.businesscentral.values import Stored

EMPTY_NAME = "Empty Company"

SERIES: Mapping[str, tuple[str, int]] = {
    "customers": ("C00000", 10),
    "contacts": ("CT000000", 1),
    "vendors": ("V00000", 10),
    "employees": ("EMP0000", 1),
    "items": ("1000", 1),
    "salesOrders": ("S-ORD101000", 1),
    "salesQuotes": ("S-QUO1000", 1),
    "salesInvoices": ("S-INV102000", 1),
    "salesCreditMemos": ("S-CR1000", 1),
    "postedSalesInvoices": ("PS-INV103000", 1),
    "postedSalesCreditMemos": ("PS-CR104000", 1),
    "projects": ("J00000", 10),
    "salesShipments": ("PS-SHPT104000", 1),
}
"""The number before the first one, and the step. All allow manual numbers until the control API says otherwise."""

RATES = (
    ("USD", "1.08"), ("GBP", "0.86"), ("CHF", "0.95"), ("SEK", "11.4"), ("NOK", "11.6"), ("DKK", "7.46"),
    ("PLN", "4.3"), ("CZK", "25.2"), ("HUF", "395"), ("RON", "4.97"), ("JPY", "162"), ("CAD", "1.47"),
    ("AUD", "1.64"), ("CNY", "7.8"), ("INR", "90"), ("BRL", "5.9"), ("MXN", "19.6"), ("ZAR", "20.1"),
)  # fmt: skip
"""Currencies with how much of each one euro buys."""

TAX_RATES = {"STANDARD": "20", "REDUCED": "10", "ZERO": "0"}
TAX_AREAS = {"DOMESTIC": "Domestic customers", "EU": "Customers in the EU", "EXPORT": "Customers abroad"}

CODES: Mapping[str, tuple[tuple[Stored, ...], ...]] = {
    "paymentTerms code displayName dueDateCalculation": (
        ("COD", "Cash on delivery", "0D"), ("7D", "7 days", "7D"), ("8D", "8 days", "8D"), ("10D", "10 days", "10D"),
        ("14D", "14 days", "14D"), ("15D", "15 days", "15D"), ("21D", "21 days", "21D"), ("30D", "30 days", "30D"),
        ("45D", "45 days", "45D"), ("60D", "60 days", "60D"), ("90D", "90 days", "90D"),
        ("1M", "One month", "1M"), ("CM", "Current month", "CM"), ("CM+14D", "Month and 14 days", "CM+14D"),
    ),
    "paymentMethods code displayName": (
        ("BANK", "Bank transfer"), ("CARD", "Card"), ("CASH", "Cash"), ("CHECK", "Cheque"), ("DEBIT", "Direct debit"),
    ),
    "shipmentMethods code displayName": (
        ("EXW", "Ex works"), ("FCA", "Free carrier"), ("CPT", "Carriage paid to"),
        ("CIP", "Carriage and insurance paid"),
        ("DAP", "Delivered at place"), ("DPU", "Delivered at place unloaded"), ("DDP", "Delivered duty paid"),
        ("FAS", "Free alongside ship"), ("FOB", "Free on board"), ("CFR", "Cost and freight"),
        ("CIF", "Cost, insurance and freight"), ("PICKUP", "Collected by the customer"),
    ),
    "unitsOfMeasure code displayName internationalStandardCode": (
        ("PCS", "Piece", "EA"), ("BOX", "Box", "BX"), ("PACK", "Pack", "PK"),
        ("SET", "Set", "SET"), ("PAIR", "Pair", "PR"),
        ("KG", "Kilogram", "KGM"), ("G", "Gram", "GRM"), ("L", "Litre", "LTR"), ("M", "Metre", "MTR"),
        ("HOUR", "Hour", "HUR"), ("DAY", "Day", "DAY"), ("C62", "One", "C62"), ("EA", "Each", "EA"),
        ("KGM", "Kilogram", "KGM"), ("GRM", "Gram", "GRM"), ("TNE", "Tonne", "TNE"), ("LTR", "Litre", "LTR"),
        ("MLT", "Millilitre", "MLT"), ("MTR", "Metre", "MTR"), ("MTK", "Square metre", "MTK"),
        ("MTQ", "Cubic metre", "MTQ"),
        ("HUR", "Hour", "HUR"), ("BX", "Box", "BX"), ("PK", "Pack", "PK"), ("PR", "Pair", "PR"),
        ("CT", "Carton", "CT"),
    ),
    "itemCategories code displayName": (
        ("FURNITURE", "Furniture"), ("CHAIR", "Chairs"), ("DESK", "Desks"), ("LAMP", "Lamps"),
        ("SUPPLIES", "Supplies"),
        ("SERVICES", "Services"), ("MISC", "Miscellaneous"),
    ),
    "taxGroups code displayName taxType": tuple(
        (code, f"{code.capitalize()} rate, {rate} percent", "VAT") for code, rate in TAX_RATES.items()
    ),
    "taxAreas code displayName taxType": tuple((code, name, "VAT") for code, name in TAX_AREAS.items()),
    "generalProductPostingGroups code description defaultVATProductPostingGroup autoInsertDefault": (
        ("RETAIL", "Goods sold on", "STANDARD", "true"), ("SERVICES", "Services", "STANDARD", "true"),
        ("RAWMAT", "Raw materials", "STANDARD", "true"), ("MISC", "Miscellaneous", "STANDARD", "true"),
    ),
    "inventoryPostingGroups code description": (
        ("RESALE", "Resale goods"), ("FINISHED", "Finished goods"), ("RAWMAT", "Raw materials"),
    ),
    "salespeoplePurchasers code displayName email": (
        ("AL", "Ada Lindqvist", "ada.lindqvist@example.com"), ("BM", "Bruno Moretti", "bruno.moretti@example.com"),
        ("CK", "Clara Kowalski", "clara.kowalski@example.com"), ("DO", "David Osei", "david.osei@example.com"),
    ),
    "locations code displayName city country": (
        ("MAIN", "Main warehouse", "Rotterdam", "NL"), ("EAST", "East warehouse", "Poznań", "PL"),
        ("SHOP", "Shop", "Lyon", "FR"),
    ),
    "accounts number displayName category accountType directPosting": (
        ("1100", "Trade receivables", "Assets", "Posting", "false"),
        ("1400", "Inventory", "Assets", "Posting", "false"),
        ("4000", "Sales of goods", "Income", "Posting", "true"),
        ("4100", "Sales of services", "Income", "Posting", "true"),
        ("4900", "Freight charged", "Income", "Posting", "true"), ("6100", "Freight", "Expense", "Posting", "true"),
    ),
}  # fmt: skip
"""By the entity set and the properties given, a row each."""

DIMENSIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "DEPARTMENT": ("Department", {"ADM": "Administration", "SALES": "Sales", "PROD": "Production"}),
    "PROJECT": ("Project", {"NORTH": "Northern roll-out", "SOUTH": "Southern roll-out", "FAIR": "Trade fair"}),
    "AREA": ("Area", {"10": "Domestic", "20": "Abroad"}),
}
"""The first two are the company's global dimensions: the shortcut dimensions 1 and 2 of documents."""


def add_company(database: Database, name: str, key: str | None = None) -> Company:
    """Make a company with all its codes, and no customer, contact, item or document.

    The ids of its codes follow from its own id, which is ``key`` or a new one.
    """
    company = database.add_company(name, key)
    rows = [(series, last, step) for series, (last, step) in SERIES.items()]
    series = company.table("numberSeries")
    database.executemany(f"INSERT INTO {series} (name, last, step) VALUES (?, ?, ?)", rows)
    taxed = [
        (area, group, rate if area in ("", "DOMESTIC") else "0")
        for area in ("", *TAX_AREAS)
        for group, rate in TAX_RATES.items()
    ]
    database.executemany(f"INSERT INTO {company.table('taxRates')} VALUES (?, ?, ?)", taxed)
    for said, codes in CODES.items():
        entity_set, *names = said.split()
        for row in codes:
            add(company, entity_set, dict(zip(names, row, strict=True)))
    _add_countries(company)
    _add_currencies(company)
    _add_dimensions(company)
    add(
        company,
        "companyInformation",
        {"displayName": name, "country": "NL", "currencyCode": LOCAL_CURRENCY, "experience": "Essential"},
    )
    return company


def add(company: Company, entity_set: str, given: Mapping[str, Stored]) -> str:
    """Keep a record with these stored values and blanks for the rest; its id."""
    row = company.blank_row(entity_sets()[entity_set])
    row |= {"id": str(uuid5(UUID(company.id), f"{entity_set}:{sorted(given.items())}")), **given}
    company.insert(entity_set, row)
    return str(row["id"])


def _add_countries(company: Company) -> None:
    for country in sorted(pycountry.countries, key=lambda each: str(each.alpha_2)):
        name = getattr(country, "common_name", country.name)
        add(company, "countriesRegions", {"code": country.alpha_2, "displayName": name[:50]})


def _add_currencies(company: Company) -> None:
    names = {str(known.alpha_3): str(known.name) for known in pycountry.currencies}
    for code, rate in RATES:
        name = names[code]
        exact = {"amountDecimalPlaces": "2:2", "amountRoundingPrecision": "0.01"}
        add(company, "currencies", {"code": code, "displayName": name[:30], "symbol": code, **exact})
        against = {"exchangeRateAmount": rate, "relationalExchangeRateAmount": "1"}
        add(company, "currencyExchangeRates", {"currencyCode": code, "startingDate": "1990-01-01", **against})


def _add_dimensions(company: Company) -> None:
    for code, (name, its_values) in DIMENSIONS.items():
        dimension = add(company, "dimensions", {"code": code, "displayName": name})
        for value, value_name in its_values.items():
            add(company, "dimensionValues", {"code": value, "displayName": value_name, "dimensionId": dimension})
