"""An invented trading house, spelled for both systems: a third of it on either side only, a third on both, and there
with differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

Fields = Mapping[str, Any]

CUSTOMERS, PRODUCTS, ORDERS = 120, 90, 120
"""Every customer has one contact."""

_FIRST = "Alder Birch Cedar Dune Ember Fjord Granite Harbour Iris Juniper Kestrel Linden Maple North Orchard".split()
_SECOND = "Trading Interiors Bakery Clinics Hotels Workshop Printing Schools Outdoor Optics".split()
_GIVEN = "Aino Bjarne Clara Dora Emil Freya Georg Hanna Ivan Jana Karl Lotte Marta Nils Olga".split()
_FAMILY = "Andersen Bellini Costa Duarte Ekström Fischer Garcia Holm Ivanova Jensen".split()
_CITIES = (("Oslo", "0150", "NO"), ("Aarhus", "8000", "DK"), ("Bremen", "28195", "DE"), ("Lyon", "69003", "FR"))
_THINGS = "Desk Chair Lamp Shelf Stool Cabinet Table Rack Board".split()
_STYLES = "oak ash steel linen black white sand green blue slate".split()


class Place(NamedTuple):
    """Where a record is before the first pass."""

    customerp: bool
    businesscentral: bool


def place(at: int) -> Place:
    """A third on the left only, a third on the right only, a third on both."""
    return (Place(True, False), Place(False, True), Place(True, True))[at % 3]


class Party(NamedTuple):
    """A customer and its contact, as each side has them; the organisation number and the e-mail tell who is who."""

    customer: Fields
    central_customer: Fields
    contact: Fields
    central_contact: Fields


def parties() -> Iterator[Party]:
    for i in range(CUSTOMERS):
        name = f"{_FIRST[i % 15]} {_SECOND[i // 15 % 10]}"
        city, code, country = _CITIES[i % 4]
        number, slug = f"ORG{900_000 + i}", f"{name.replace(' ', '').lower()}.example"
        differs = place(i) == Place(True, True)
        given, family = _GIVEN[i % 15], _FAMILY[i // 15 % 10]
        yield Party(
            customer={
                "name": name,
                "address": {"street": f"Harbour Road {i + 1}", "city": city, "postalCode": code, "country": country},
                "phone": f"+4721{100_000 + i}",
                "email": f"post@{slug}",
                "organisationNumber": number,
                "paymentTerms": "30D" if i % 2 else "14D",
                "creditLimit": 5_000 + 10 * i,
            },
            central_customer={
                "type": "Company",
                "displayName": name,
                "addressLine1": f"Harbour Road {i + 1}",
                "city": "Bergen" if differs and i % 2 else city,
                "postalCode": code,
                "country": country,
                "phoneNumber": "" if differs else f"+4721{100_000 + i}",
                "email": f"post@{slug}",
                "taxRegistrationNumber": number,
                "creditLimit": 5_000 + 10 * i + (500 if differs else 0),
            },
            contact={
                "firstName": given,
                "lastName": family,
                "jobTitle": "Buyer" if differs else "Owner",
                "email": f"{given}.{family}@{slug}".lower(),
                "mobile": f"+4791{100_000 + i}",
            },
            central_contact={
                "type": "Person",
                "displayName": f"{given} {family}",
                "jobTitle": "Owner",
                "email": f"{given}.{family}@{slug}".lower(),
                "mobilePhoneNumber": f"+4791{100_000 + i}",
            },
        )


class Product(NamedTuple):
    product: Fields
    item: Fields


def products() -> Iterator[Product]:
    for i in range(PRODUCTS):
        sku, name = f"P{1000 + i}", f"{_THINGS[i % 9]}, {_STYLES[i // 9 % 10]}"
        price = 20 + i
        raised = price + 5 if place(i) == Place(True, True) and i % 2 else price
        yield Product(
            product={
                "sku": sku,
                "name": name,
                "kind": "stock",
                "category": "FURNITURE",
                "unit": "PCS",
                "price": price,
                "taxGroup": "STANDARD",
            },
            item={
                "number": sku,
                "displayName": name,
                "type": "Inventory",
                "itemCategoryCode": "FURNITURE",
                "baseUnitOfMeasureCode": "PCS",
                "unitPrice": raised,
                "taxGroupCode": "STANDARD",
                "generalProductPostingGroupCode": "RETAIL",
                "inventoryPostingGroupCode": "RESALE",
            },
        )


class OrderLine(NamedTuple):
    product: int
    quantity: int


class Order(NamedTuple):
    """``customer`` and the lines' products by their place in `parties` and `products`."""

    number: str
    customer: int
    lines: tuple[OrderLine, ...]
    where: Place


def orders(random: Random) -> Iterator[Order]:
    """Each only where its customer and products are."""
    for i in range(ORDERS):
        where = place(i)
        fit = [n for n in range(CUSTOMERS) if _holds(place(n), where)]
        goods = [n for n in range(PRODUCTS) if _holds(place(n), where)]
        chosen = random.sample(goods, random.randint(1, 4))
        lines = tuple(OrderLine(n, random.randint(1, 9)) for n in chosen)
        yield Order(f"SO-{2000 + i}", random.choice(fit), lines, where)


def _holds(has: Place, wanted: Place) -> bool:
    return has.customerp >= wanted.customerp and has.businesscentral >= wanted.businesscentral
