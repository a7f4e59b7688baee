"""A small invented company to look at: written through the same checks as everything that is posted."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from syncline.sandbox.customerp.database import Database
from syncline.sandbox.customerp.entities import ENTITIES
from syncline.sandbox.customerp.writing import create

_CUSTOMERS = (
    ("Albatros Marina Lda", "Rua do Cais 14", "Lisboa", "1200-109", "PT", "+351213456789", "30D", "BM"),
    ("Bergström Kontor AB", "Kungsgatan 41", "Göteborg", "411 15", "SE", "+4631123450", "14D", "AL"),
    ("Café Lumière", "12 rue des Lilas", "Lyon", "69003", "FR", "+33472001122", "COD", "BM"),
    ("Delta Print GmbH", "Hafenstraße 9", "Bremen", "28195", "DE", "+494212345670", "30D", "CK"),
    ("Eldhus Hotell AS", "Sjøgata 3", "Tromsø", "9008", "NO", "+4777612340", "30D", "AL"),
    ("Fagus Möbelwerk", "Buchenweg 77", "Linz", "4020", "AT", "+43732123450", "21D", "CK"),
    ("Granit & Søn", "Havnegade 7", "Aarhus", "8000", "DK", "+4586123450", "8D", "AL"),
    ("Harrow Dental Group", "88 Station Road", "Harrow", "HA1 2RX", "GB", "+442084270001", "30D", "DO"),
    ("Iris Optika d.o.o.", "Slovenska cesta 5", "Ljubljana", "1000", "SI", "+38612345678", "14D", "CK"),
    ("Järvi Design Oy", "Rantatie 2", "Tampere", "33100", "FI", "+358312345670", "14D", "AL"),
    ("Kestrel Outdoor Ltd", "2 Mill Lane", "Kendal", "LA9 4QD", "GB", "+441539720002", "21D", "DO"),
    ("Lagerhuset Nord AS", "Bryggen 3", "Bergen", "5003", "NO", "+4755123456", "30D", "AL"),
    ("Maison Verhaegen", "Korenmarkt 18", "Gent", "9000", "BE", "+3292233445", "30D", "BM"),
    ("Novák Kanceláře s.r.o.", "Dlouhá 4", "Brno", "602 00", "CZ", "+420541123456", "14D", "CK"),
    ("Orchard Street School", "1 Orchard Street", "Galway", "H91 E2K5", "IE", "+35391567890", "60D", "DO"),
    ("Panificio Bellini", "Via Garibaldi 22", "Parma", "43121", "IT", "+390521234567", "CM", "BM"),
    ("Quartier Libre SARL", "4 place du Marché", "Genève", "1204", "CH", "+41223101112", "30D", "BM"),
    ("Rosario Papelería S.L.", "Calle Feria 9", "Sevilla", "41003", "ES", "+34954223344", "45D", "BM"),
    ("Szabó Stúdió Kft.", "Petőfi utca 6", "Szeged", "6720", "HU", "+3662123456", "10D", "CK"),
    ("Tessuti Marini", "Corso Italia 40", "Genova", "16128", "IT", "+390102345678", "CM+14D", "BM"),
)
"""Name, street, city, postal code, country, phone, payment terms, salesperson."""

_CONTACTS = (
    ("Marta", "Silva", "Owner"), ("Nils", "Bergström", "Office manager"), ("Claire", "Martin", "Manager"),
    ("Uwe", "Hartmann", "Purchasing"), ("Solveig", "Dahl", "Housekeeping"), ("Georg", "Fuchs", "Owner"),
    ("Mette", "Holm", "Buyer"), ("Priya", "Nair", "Practice manager"), ("Ana", "Kovač", "Optician"),
    ("Aino", "Laine", "Designer"), ("Tom", "Ridley", "Buyer"), ("Lars", "Vik", "Warehouse"),
    ("Lotte", "Verhaegen", "Owner"), ("Jana", "Dvořáková", "Accounts"), ("Niamh", "Burke", "Bursar"),
    ("Paolo", "Bellini", "Owner"), ("Luc", "Favre", "Director"), ("Carmen", "Ortiz", "Buyer"),
    ("Zsófia", "Szabó", "Owner"), ("Giulia", "Marini", "Purchasing"),
)  # fmt: skip
"""First name, last name, job title; each works for the customer of the same place."""

_PRODUCTS = (
    ("Oak desk, 160 cm", "DESK", "PCS", "512.00", "330.50"),
    ("Oak desk, 180 cm", "DESK", "PCS", "578.00", "371.00"),
    ("Standing desk", "DESK", "PCS", "749.90", "455.25"),
    ("Desk pad, felt", "SUPPLIES", "PCS", "24.50", "9.80"),
    ("Task chair, black", "CHAIR", "PCS", "229.00", "118.00"),
    ("Task chair, sand", "CHAIR", "PCS", "229.00", "118.00"),
    ("Visitor chair", "CHAIR", "PCS", "139.00", "82.40"),
    ("Stool, ash", "CHAIR", "PCS", "94.00", "51.15"),
    ("Bookcase, low", "FURNITURE", "PCS", "265.00", "160.00"),
    ("Bookcase, high", "FURNITURE", "PCS", "398.00", "241.00"),
    ("Drawer unit", "FURNITURE", "PCS", "189.00", "107.30"),
    ("Coat stand", "FURNITURE", "PCS", "79.00", "38.25"),
    ("Desk lamp, brass", "LAMP", "PCS", "118.00", "61.90"),
    ("Floor lamp, linen", "LAMP", "PCS", "164.00", "88.00"),
    ("Pendant lamp", "LAMP", "PCS", "142.00", "74.50"),
    ("Paper A4, 500 sheets", "SUPPLIES", "PACK", "4.85", "2.305"),
    ("Marker set", "SUPPLIES", "SET", "12.40", "5.10"),
    ("Cable tray", "SUPPLIES", "PCS", "31.00", "14.75"),
    ("Assembly on site", "SERVICES", "HOUR", "68.00", "42.00"),
    ("Delivery upstairs", "SERVICES", "HOUR", "55.00", "36.00"),
)
"""Name, category, unit, price, cost."""

_ORDERS = 15
_FIRST_ORDER = date(2026, 1, 12)


def fill(database: Database) -> None:
    """Customers, a contact for each, products, and orders with lines."""
    customers = [_create(database, "customers", _customer(place)) for place in range(len(_CUSTOMERS))]
    for place, (first, last, title) in enumerate(_CONTACTS):
        email = f"person{place + 1}@example.org"
        person = {"firstName": first, "lastName": last, "jobTitle": title, "email": email}
        _create(database, "contacts", {**person, "customerId": customers[place]})
    products = [_create(database, "products", _product(place)) for place in range(len(_PRODUCTS))]
    for place in range(_ORDERS):
        _create(database, "orders", _order(place, customers, products))


def _customer(place: int) -> dict[str, Any]:
    name, street, city, postal_code, country, phone, terms, salesperson = _CUSTOMERS[place]
    return {
        "name": name,
        "address": {"street": street, "city": city, "postalCode": postal_code, "country": country},
        "phone": phone,
        "email": f"customer{place + 1}@example.org",
        "paymentTerms": terms,
        "salesperson": salesperson,
        "creditLimit": 4000 * (place % 5),
    }


def _product(place: int) -> dict[str, Any]:
    name, category, unit, price, cost = _PRODUCTS[place]
    return {
        "name": name,
        "kind": "service" if category == "SERVICES" else "stock",
        "category": category,
        "unit": unit,
        "price": Decimal(price),
        "cost": Decimal(cost),
        "taxGroup": "STANDARD",
    }


def _order(place: int, customers: list[str], products: list[str]) -> dict[str, Any]:
    ordered = _FIRST_ORDER + timedelta(days=3 * place)
    chosen = [(place * 4 + at * 7) % len(products) for at in range(1 + place % 4)]
    lines = [
        {
            "productId": products[product],
            "description": _PRODUCTS[product][0],
            "quantity": 1 + (place + at) % 6,
            "unit": _PRODUCTS[product][2],
            "unitPrice": Decimal(_PRODUCTS[product][3]),
        }
        for at, product in enumerate(chosen)
    ]
    return {
        "customerId": customers[place % len(customers)],
        "orderDate": ordered.isoformat(),
        "requestedDelivery": (ordered + timedelta(days=14)).isoformat(),
        "lines": lines,
    }


def _create(database: Database, entity: str, body: dict[str, Any]) -> str:
    return create(database, ENTITIES[entity], body).record.id
