"""A small invented company to look at: written through the same rules as everything that is posted to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from syncline.connectors.businesscentral.metadata import entity_sets
from syncline.sandbox.businesscentral.company import Company
from syncline.sandbox.businesscentral.writing import Options, create

NAME = "Fjord & Field Trading"

_CUSTOMERS = (
    ("Aurora Interiors AB", "Storgatan 12", "Uppsala", "753 31", "SE", "SEK", "14D", "AL"),
    ("Bakker & Zoon", "Kade 4", "Rotterdam", "3011 AB", "NL", "", "30D", "BM"),
    ("Café Lumière", "12 rue des Lilas", "Lyon", "69003", "FR", "", "COD", "BM"),
    ("Delta Print GmbH", "Hafenstraße 9", "Bremen", "28195", "DE", "", "30D", "CK"),
    ("Eastgate Hotels Ltd", "3 Bridge Street", "Leeds", "LS1 4BR", "GB", "GBP", "21D", "DO"),
    ("Fabryka Mebli Orzech", "ul. Leśna 8", "Poznań", "61-001", "PL", "PLN", "14D", "CK"),
    ("Granit & Søn", "Havnegade 7", "Aarhus", "8000", "DK", "DKK", "8D", "AL"),
    ("Hilltop Schools Trust", "Oak Lane 1", "Bristol", "BS1 5TR", "GB", "GBP", "30D", "DO"),
    ("Ibérica Oficinas S.L.", "Calle Mayor 5", "Zaragoza", "50001", "ES", "", "60D", "BM"),
    ("Järvi Design Oy", "Rantatie 2", "Tampere", "33100", "FI", "", "14D", "AL"),
    ("Kessler Praxisbedarf", "Lindenallee 20", "Graz", "8010", "AT", "", "10D", "CK"),
    ("Lagerhuset Nord AS", "Bryggen 3", "Bergen", "5003", "NO", "NOK", "30D", "AL"),
    ("Molino Verde S.r.l.", "Via Po 15", "Torino", "10124", "IT", "", "CM", "BM"),
    ("Novák Kanceláře s.r.o.", "Dlouhá 4", "Brno", "602 00", "CZ", "CZK", "14D", "CK"),
    ("Oakfield Clinics", "14 Park Road", "Cork", "T12 X2Y3", "IE", "", "30D", "DO"),
    ("Papeterie Dubois", "Rue Neuve 33", "Liège", "4000", "BE", "", "30D", "BM"),
    ("Quinta do Sol Lda", "Rua da Praia 6", "Porto", "4050-001", "PT", "", "45D", "BM"),
    ("Rhein-Labor AG", "Rheinweg 11", "Basel", "4051", "CH", "CHF", "30D", "CK"),
    ("Sørensen Boats", "Kajen 1", "Odense", "5000", "DK", "DKK", "8D", "AL"),
    ("Tessuti Marini", "Corso Italia 40", "Genova", "16128", "IT", "", "CM+14D", "BM"),
)
_PERSONS = (
    ("Elin Berg", "Buyer", 0), ("Joost de Vries", "Owner", 1), ("Claire Martin", "Manager", 2),
    ("Uwe Hartmann", "Purchasing", 3), ("Grace Hill", "Facilities", 4), ("Marek Nowak", "Owner", 5),
    ("Mette Holm", "Buyer", 6), ("Peter Ashby", "Bursar", 7), ("Lucía Torres", "Office manager", 8),
    ("Aino Laine", "Designer", 9), ("Karin Wolf", "Assistant", 10), ("Lars Vik", "Warehouse", 11),
    ("Giulia Rossi", "Buyer", 12), ("Jana Dvořáková", "Accounts", 13), ("Sam Okafor", "Consultant", None),
)  # fmt: skip


class _Item(NamedTuple):
    number: str
    name: str
    category: str
    price: str
    cost: str
    stock: int


_ITEMS = (
    _Item("1896-S", "Oak desk", "DESK", "489", "310", 24),
    _Item("1900-S", "Guest chair, green", "CHAIR", "125.5", "78.25", 60),
    _Item("1906-S", "Filing cabinet", "FURNITURE", "249.9", "160", 18),
    _Item("1908-S", "Swivel chair, blue", "CHAIR", "189", "99", 44),
    _Item("1920-S", "Meeting table", "DESK", "720", "455.5", 6),
    _Item("1925-W", "Meeting set, six seats", "FURNITURE", "1350", "900", 3),
    _Item("1928-S", "Desk lamp", "LAMP", "35.6", "19.95", 120),
    _Item("1929-W", "Floor lamp", "LAMP", "89", "48", 35),
    _Item("1936-S", "Guest chair, yellow", "CHAIR", "125.5", "78.25", 51),
    _Item("1952-W", "Storage unit", "FURNITURE", "315", "204", 12),
    _Item("1953-W", "Guest section", "FURNITURE", "560", "371.2", 5),
    _Item("1960-S", "Guest chair, red", "CHAIR", "125.5", "78.25", 47),
    _Item("1964-S", "Swivel chair, black", "CHAIR", "189", "99", 38),
    _Item("1965-W", "Whiteboard", "SUPPLIES", "142", "88", 20),
    _Item("1968-S", "Swivel chair, grey", "CHAIR", "189", "99", 31),
    _Item("1969-W", "Conference package", "FURNITURE", "1899", "1200", 2),
    _Item("1972-S", "Swivel chair, yellow", "CHAIR", "189", "99", 29),
    _Item("1980-S", "Paper, 500 sheets", "SUPPLIES", "4.35", "2.1", 900),
    _Item("1988-S", "Delivery and set-up", "SERVICES", "65", "40", 0),
    _Item("1996-S", "Whiteboard base", "SUPPLIES", "74.5", "39.9", 16),
)
_ORDERS = 15


def fill(company: Company) -> None:
    """Customers with their contacts, persons, items with stock, and orders with lines."""
    terms = {row["code"]: row["id"] for row in company.all("paymentTerms")}
    customers = [_create(company, "customers", _customer(index, terms)) for index in range(len(_CUSTOMERS))]
    for name, title, at in _PERSONS:
        person: dict[str, Any] = {"type": "Person", "displayName": name, "jobTitle": title}
        if at is not None:
            contact = next(company.all("contactsInformation", relatedId=customers[at]))
            person["companyNumber"] = contact["contactNumber"]
        mailbox = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha())
        _create(company, "contacts", person | {"email": f"{mailbox}@example.com"})
    items = [_item(company, item) for item in _ITEMS]
    for index in range(_ORDERS):
        _create(company, "salesOrders", _order(index, customers, items))


def _customer(index: int, terms: Mapping[str, str]) -> Mapping[str, Any]:
    name, street, city, post_code, country, currency, payment_terms, salesperson = _CUSTOMERS[index]
    return {
        "displayName": name,
        "addressLine1": street,
        "city": city,
        "postalCode": post_code,
        "country": country,
        "currencyCode": currency,
        "salespersonCode": salesperson,
        "paymentTermsId": terms[payment_terms],
        "email": f"office{index + 1}@example.com",
        "creditLimit": 5000 * (index % 4),
    }


def _item(company: Company, item: _Item) -> str:
    service = item.category == "SERVICES"
    key = _create(
        company,
        "items",
        {
            "number": item.number,
            "displayName": item.name,
            "type": "Service" if service else "Inventory",
            "itemCategoryCode": item.category,
            "baseUnitOfMeasureCode": "HOUR" if service else "PCS",
            "unitPrice": Decimal(item.price),
            "unitCost": Decimal(item.cost),
            "taxGroupCode": "STANDARD",
            "generalProductPostingGroupCode": "SERVICES" if service else "RETAIL",
            "inventoryPostingGroupCode": "" if service else "RESALE",
        },
    )
    row = company.find("items", id=key)
    if row:
        company.derive("items", row, {"inventory": str(item.stock)})
    return key


def _order(index: int, customers: list[str], items: list[str]) -> Mapping[str, Any]:
    lines = [
        {
            "itemId": items[(index * 3 + at * 7) % len(items)],
            "quantity": 1 + (index + at) % 5,
            "discountPercent": at * 5,
        }
        for at in range(1 + index % 4)
    ]
    return {
        "customerId": customers[index % len(customers)],
        "externalDocumentNumber": f"PO-{2000 + index}",
        "salesOrderLines": lines,
    }


def _create(company: Company, entity_set: str, sent: Mapping[str, Any]) -> str:
    return create(company, entity_sets()[entity_set], dict(sent), {}, Options())
