"""A company of any size, all of it invented and all of it as the rules would have made it.

The rules make one record of each kind, which is undone again but for its values: every generated record begins as a
copy of one. What differs from record to record is set here, with what the rules would derive from it. Chance comes
from the seed and the company's name alone: the same make the same records, ids and moments included, on any day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import cycle
from random import Random
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import Struct

from syncline.connectors.businesscentral.metadata import ZERO_GUID, entity_sets
from syncline.sandbox.businesscentral.company import Company, Database, Row, add_days, incremented
from syncline.sandbox.businesscentral.contents import bulk, invented, setup
from syncline.sandbox.businesscentral.rules import amounts
from syncline.sandbox.businesscentral.rules.base import Draft
from syncline.sandbox.businesscentral.rules.businessrelations import IN_COMMON
from syncline.sandbox.businesscentral.rules.salesdocuments import SalesOrderRules
from syncline.sandbox.businesscentral.rules.saleslines import SEQUENCE_STEP, set_outstanding
from syncline.sandbox.businesscentral.values import moment, number, rounded
from syncline.sandbox.businesscentral.writing import Options, create

NAME = "Generated Company"

_PERSONS = (1, 0, 0, 2, 0, 0, 1, 0, 0, 0)
"""How many at each of ten customers, and so on with the next ten."""
_ORDERS = (1, 0, 0, 2, 0, 0, 0, 0, 0, 0)
"""How many of each of ten customers."""
_LINES = (3, 1, 5, 2, 4)
"""How many on each of five orders."""
_CONSUMER = 5
_SOMETIMES_BLOCKED = 9
"""Which of ten customers is a person, and which is blocked now and then; neither has persons or orders."""
_BESIDE = ("businessRelations", "itemUnits")
"""Tables of what no set shows: their rows are no records."""
_CUSTOMERS_AN_ITEM = 10
_FEWEST_ITEMS, _MOST_ITEMS = 20, 20_000
_GOODS_A_SERVICE = 19
_A_CHUNK = 2_000

_ITEMS_FROM = datetime(2022, 1, 1, tzinfo=UTC)
_CUSTOMERS_FROM = datetime(2023, 1, 1, tzinfo=UTC)
_CUSTOMERS_UNTIL = datetime(2025, 1, 1, tzinfo=UTC)

_TERMS = ("8D", "14D", "14D", "21D", "30D", "30D", "30D", "45D", "60D", "CM")
_DELIVERIES = ("DAP", "DAP", "DDP", "EXW", "PICKUP")
_SALESPEOPLE = ("AL", "BM", "CK", "DO")
_DISCOUNTS = ("0", "0", "0", "5", "10", "12.5")
_DOMESTIC = "NL"
_ABROAD = frozenset({"GB", "NO", "CH"})


class Size(Struct, frozen=True):
    """How many records of each kind a company with so many customers has."""

    customers: int

    @property
    def items(self) -> int:
        return min(max(self.customers // _CUSTOMERS_AN_ITEM, _FEWEST_ITEMS), _MOST_ITEMS)

    @property
    def persons(self) -> int:
        return _summed(_PERSONS, self.customers)

    @property
    def orders(self) -> int:
        return _summed(_ORDERS, self.customers)

    @property
    def lines(self) -> int:
        return _summed(_LINES, self.orders)

    @property
    def records(self) -> int:
        """All of them; each customer has a contact of its own."""
        return self.items + 2 * self.customers + self.persons + self.orders + self.lines


def add_company(
    database: Database, name: str, size: Size, *, seed: int, told: Callable[[int], object] = lambda _: None
) -> Company:
    """Make a company of this size; ``told`` hears again and again how many records there are by now."""
    company = setup.add_company(database, name, key=str(uuid5(NAMESPACE_URL, f"syncline:{seed}:{name}")))
    generator = _Generator(company, Random(f"{seed}:{name}"))  # noqa: S311 - chance that can be repeated
    with bulk.indexed_afterwards(company, generator.tables):
        for done in generator.run(size):
            told(done)
    return company


class _Patterns(Struct, frozen=True):
    """A record of each kind as the rules make it."""

    goods: Row
    service: Row
    organisation: Row
    consumer: Row
    company_contact: Row
    consumer_contact: Row
    person: Row
    order: Row
    line: Row


class _Generator:
    """The records that are made, and not yet kept, by their table."""

    def __init__(self, company: Company, draw: Random) -> None:
        self._company = company
        self._draw = draw
        self._patterns = _made_by_the_rules(company)
        self._numbers = {name: setup.SERIES[name] for name in ("items", "customers", "contacts", "salesOrders")}
        self._ids = {
            name: {str(row["code"]): str(row["id"]) for row in company.all(name)}
            for name in ("currencies", "itemCategories", "paymentTerms", "shipmentMethods", "taxAreas")
        }
        self._rates = {code: Decimal(rate) for code, rate in setup.RATES}
        self._tax = {
            (self._ids["taxAreas"][area], group): number(company.tax_percent(area, group))
            for area in setup.TAX_AREAS
            for group in setup.TAX_RATES
        }
        self._lines_of_orders = cycle(_LINES)
        self._sells = SalesOrderRules()
        self._order_set = entity_sets()["salesOrders"]
        self._items: list[Row] = []
        self._made: dict[str, list[Row]] = {
            name: [] for name in ("items", "customers", "contacts", "salesOrders", "salesOrderLines", *_BESIDE)
        }

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(self._made)

    def run(self, size: Size) -> Iterator[int]:
        """Make the items, then the customers each with all that belongs to it; how many records are kept by now."""
        done = 0
        for make, start, end, count in (
            (self._item, _ITEMS_FROM, _CUSTOMERS_FROM, size.items),
            (self._customer, _CUSTOMERS_FROM, _CUSTOMERS_UNTIL, size.customers),
        ):
            span = end - start
            for at in range(count):
                make(at, start + span * at / count)
                if (at + 1) % _A_CHUNK == 0 or at + 1 == count:
                    done += self._keep()
                    yield done
        for series, (last, _) in self._numbers.items():
            self._company.continue_numbers(series, last)

    def _keep(self) -> int:
        """Put away what was made; how many records that were."""
        count = sum(len(rows) for table, rows in self._made.items() if table not in _BESIDE)
        for table, rows in self._made.items():
            bulk.insert(self._company, table, rows)
            rows.clear()
        return count

    def _item(self, at: int, when: datetime) -> None:
        is_service = at % (_GOODS_A_SERVICE + 1) == _GOODS_A_SERVICE
        pattern = self._patterns.service if is_service else self._patterns.goods
        said = (invented.service if is_service else invented.goods)(self._draw, at)
        item = self._new("items", pattern, moment(when), said | {"number": self._number("items")})
        item["itemCategoryId"] = self._ids["itemCategories"][item["itemCategoryCode"]]
        self._made["itemUnits"].append({"itemId": item["id"], "code": item["baseUnitOfMeasureCode"], "quantity": "1"})
        self._items.append(item)

    def _customer(self, at: int, when: datetime) -> None:
        place = at % len(_ORDERS)
        draw, stamp = self._draw, moment(when)
        is_consumer = place == _CONSUMER
        pattern = self._patterns.consumer if is_consumer else self._patterns.organisation
        said = (invented.consumer if is_consumer else invented.organisation)(draw, at)
        area = "DOMESTIC" if said["country"] == _DOMESTIC else "EXPORT" if said["country"] in _ABROAD else "EU"
        currency = invented.currency_of(said["country"])
        customer = self._new("customers", pattern, stamp, said | {"number": self._number("customers")})
        customer |= {
            "salespersonCode": draw.choice(_SALESPEOPLE),
            "creditLimit": str(draw.randrange(11) * 5000),
            "taxAreaId": self._ids["taxAreas"][area],
            "taxAreaDisplayName": setup.TAX_AREAS[area],
            "currencyCode": currency or self._company.local_currency,
            "currencyId": self._ids["currencies"][currency] if currency else ZERO_GUID,
            "paymentTermsId": self._ids["paymentTerms"][draw.choice(_TERMS)],
            "shipmentMethodId": self._ids["shipmentMethods"][draw.choice(_DELIVERIES)],
        }
        if place == _SOMETIMES_BLOCKED and draw.randrange(10) == 0:
            customer["blocked"] = draw.choice(("Ship", "Invoice", "All"))
        contact = self._contact(customer, stamp)
        for _ in range(_PERSONS[place]):
            self._person(contact, stamp)
        for _ in range(_ORDERS[place]):
            self._order(customer, stamp)

    def _contact(self, customer: Row, stamp: str) -> Row:
        is_company = customer["type"] == "Company"
        pattern = self._patterns.company_contact if is_company else self._patterns.consumer_contact
        said = {name: customer[name] for name in IN_COMMON} | {"number": self._number("contacts")}
        contact = self._new("contacts", pattern, stamp, said)
        contact["searchName"] = str(contact["displayName"]).upper()
        if is_company:
            contact |= {"companyNumber": contact["number"], "companyName": contact["displayName"]}
        self._made["businessRelations"].append(
            {"contactId": contact["id"], "relatedType": "Customer", "relatedId": customer["id"]}
        )
        return contact

    def _person(self, contact: Row, stamp: str) -> None:
        said = invented.person(self._draw, contact["email"]) | {"number": self._number("contacts")}
        person = self._new("contacts", self._patterns.person, stamp, said)
        person |= {
            "searchName": str(person["displayName"]).upper(),
            "companyNumber": contact["number"],
            "companyName": contact["displayName"],
        }

    def _order(self, customer: Row, stamp: str) -> None:
        day, order_number = stamp[:10], self._number("salesOrders")
        said = {
            "number": order_number,
            "externalDocumentNumber": f"PO-{self._draw.randrange(10_000):04}-{order_number[-6:]}",
            "orderDate": day,
            "postingDate": day,
            "requestedDeliveryDate": add_days(day, self._draw.randrange(5, 40)),
            "customerId": customer["id"],
            "customerNumber": customer["number"],
        }
        order = self._new("salesOrders", self._patterns.order, stamp, said)
        self._sells.sell_to(Draft(self._company, self._order_set, order, None), customer)
        lines = [
            self._line(order, customer, sequence * SEQUENCE_STEP)
            for sequence in range(1, next(self._lines_of_orders) + 1)
        ]
        order |= amounts.document_totals(lines)

    def _line(self, order: Row, customer: Row, sequence: int) -> Row:
        draw = self._draw
        item = draw.choice(self._items)
        said = {
            "documentId": order["id"],
            "sequence": sequence,
            "itemId": item["id"],
            "lineObjectNumber": item["number"],
            "description": item["displayName"],
            "description2": item["displayName2"],
            "unitOfMeasureId": item["baseUnitOfMeasureId"],
            "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
            "unitPrice": self._price(item["unitPrice"], order["currencyCode"]),
            "taxCode": item["taxGroupCode"],
            "taxPercent": self._tax[customer["taxAreaId"], item["taxGroupCode"]],
            "quantity": str(draw.randrange(1, 25)),
            "discountPercent": draw.choice(_DISCOUNTS),
            "shipmentDate": order["orderDate"],
        }
        line = self._new("salesOrderLines", self._patterns.line, None, said)
        line["discountAmount"] = amounts.discount_amount(line)
        set_outstanding(line)
        line |= amounts.line_totals(line, with_tax=False, allocation=Decimal(0))
        return line

    def _new(self, entity_set: str, pattern: Row, stamp: str | None, said: Row) -> Row:
        record = {**pattern, **said}
        record["_etag"] = self._company.database.new_etag()
        record["id"] = str(UUID(int=self._draw.getrandbits(128), version=4))
        if stamp:
            record["lastModifiedDateTime"] = stamp
        self._made[entity_set].append(record)
        return record

    def _number(self, series: str) -> str:
        last, step = self._numbers[series]
        following = incremented(last, step)
        self._numbers[series] = (following, step)
        return following

    def _price(self, price: str, currency: str) -> str:
        rate = self._rates.get(currency)
        return number(rounded(Decimal(price) * rate, amounts.CENTS)) if rate else price


class _Undone(Exception):
    """What was made is not to stay."""


def _made_by_the_rules(company: Company) -> _Patterns:
    goods = {"type": "Inventory", "baseUnitOfMeasureCode": "PCS", "taxGroupCode": "STANDARD"}
    goods |= {"generalProductPostingGroupCode": "RETAIL", "inventoryPostingGroupCode": "RESALE"}
    service = {"type": "Service", "baseUnitOfMeasureCode": "HOUR", "taxGroupCode": "STANDARD"}
    service |= {"generalProductPostingGroupCode": "SERVICES"}

    def made(entity_set: str, **sent: object) -> Row:
        key = create(company, entity_sets()[entity_set], sent, {}, Options())
        return _pattern(company.find(entity_set, id=key))

    def contact_of(customer: Row) -> Row:
        relation = company.related(relatedId=customer["id"], relatedType="Customer") or {}
        return _pattern(company.find("contacts", id=relation["contactId"]))

    patterns: list[_Patterns] = []
    with suppress(_Undone), company.database.transaction():
        item = made("items", displayName="x", **goods)
        organisation, consumer = made("customers", displayName="x"), made("customers", displayName="x", type="Person")
        contact = contact_of(organisation)
        order = made(
            "salesOrders", customerId=organisation["id"], salesOrderLines=[{"itemId": item["id"], "quantity": 1}]
        )
        patterns.append(
            _Patterns(
                goods=item,
                service=made("items", displayName="x", **service),
                organisation=organisation,
                consumer=consumer,
                company_contact=contact,
                consumer_contact=contact_of(consumer),
                person=made("contacts", type="Person", displayName="x", companyNumber=contact["number"]),
                order=order,
                line=_pattern(company.find("salesOrderLines", documentId=order["id"])),
            )
        )
        raise _Undone
    return patterns[0]


def _pattern(row: Row | None) -> Row:
    assert row is not None
    return {name: value for name, value in row.items() if name != "_row"}


def _summed(cycled: tuple[int, ...], count: int) -> int:
    """Of the first so many values, when they are gone through again and again."""
    rounds, rest = divmod(count, len(cycled))
    return rounds * sum(cycled) + sum(cycled[:rest])
