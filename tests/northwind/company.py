"""Northwind, a real-shaped company that no one here wrote, as plain data.

The files are not part of this project: tests look for them beside the checkout, or where SYNCLINE_NORTHWIND says.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pycountry

FOLDER = Path(os.environ.get("SYNCLINE_NORTHWIND") or Path(__file__).parents[3] / "shared" / "data" / "northwind")

_CUSTOMER = 11
_ORDER = 14
_COUNTRIES = {"UK": "GB", "USA": "US", "Venezuela": "VE"}


class Customer(NamedTuple):
    number: str
    name: str
    contact: str
    title: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str


class Product(NamedTuple):
    number: str
    name: str
    category: str
    price: Decimal


class Line(NamedTuple):
    product: str
    price: Decimal
    quantity: int
    discount: Decimal
    """In percent."""


class Order(NamedTuple):
    number: str
    customer: str
    ordered: str
    required: str
    ship_to: str
    street: str
    city: str
    lines: tuple[Line, ...]


def customers() -> list[Customer]:
    """An address with a comma in it is not quoted in the file: what is too much belongs to the address."""
    found = []
    for cells in _rows("customers", _CUSTOMER, 4):
        number, name, contact, title, street, city, region, code, country, phone, _ = cells
        iso = _COUNTRIES.get(country) or pycountry.countries.lookup(country).alpha_2
        found.append(Customer(number, name, contact, title, street, city, region, code, iso, phone))
    return found


def products() -> list[Product]:
    names = {row[0]: row[1].upper() for row in _rows("categories", 4, 2)}
    return [Product(row[0], row[1], names[row[3]], Decimal(row[5])) for row in _rows("products", 10, 1)]


def orders() -> list[Order]:
    lines: dict[str, list[Line]] = {}
    for number, product, price, quantity, discount in _rows("order-details", 5, 0):
        percent = Decimal(discount) * 100
        lines.setdefault(number, []).append(Line(product, Decimal(price), int(quantity), percent))
    found = []
    for cells in _rows("orders", _ORDER, 9):
        number, customer, _, ordered, required, _, _, _, ship_to, street, city, *_ = cells
        told = tuple(lines[number])
        found.append(Order(number, customer, ordered[:10], required[:10], ship_to, street, city, told))
    return found


def _rows(name: str, width: int, wide: int) -> Iterator[list[str]]:
    """The rows of a file. Cells that are too many are parts of the one at ``wide``; NULL is nothing."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for cells in reader:
            more = len(cells) - width
            joined = [*cells[:wide], ",".join(cells[wide : wide + more + 1]), *cells[wide + more + 1 :]]
            yield ["" if cell == "NULL" else cell.strip() for cell in joined]
