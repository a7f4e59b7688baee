"""Set-up that the product has pages for and the API shows none of: told to the sandbox at ``/sandbox/setup``."""

# Names of tables come from the company, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from syncline.sandbox.businesscentral.company import Company, Database
from syncline.sandbox.businesscentral.contents.setup import SERIES
from syncline.sandbox.businesscentral.errors import bad_request
from syncline.sandbox.businesscentral.rules import itemunits
from syncline.sandbox.businesscentral.values import number


class _ItemUnit(Struct, frozen=True, forbid_unknown_fields=True):
    """``quantity`` of the item's base units make one ``unit``."""

    item: str
    unit: str
    quantity: Decimal


class _Setup(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """``company`` is an id or a name, and the first one where none is given."""

    company: str | None = None
    manual_numbers: Mapping[str, bool] = {}
    """Whether a series takes numbers that are entered by hand, by the set whose records it numbers."""
    item_units: tuple[_ItemUnit, ...] = ()


def set_up(database: Database, body: Any) -> None:
    """All of it or nothing. Raises `ApiError`."""
    try:
        wanted = msgspec.convert(body, _Setup)
    except msgspec.ValidationError as error:
        raise bad_request(f"The set-up is malformed: {error}.") from None
    company = database.company(wanted.company) if wanted.company else database.companies[0]
    with database.transaction():
        for series, allowed in wanted.manual_numbers.items():
            _allow_manual_numbers(company, series, allowed=allowed)
        for unit in wanted.item_units:
            _add_unit(company, unit)


def _allow_manual_numbers(company: Company, series: str, *, allowed: bool) -> None:
    if series not in SERIES:
        raise bad_request(f"There is no number series '{series}': they are {', '.join(SERIES)}.")
    asked = f"UPDATE {company.table('numberSeries')} SET manual = ? WHERE name = ?"
    company.database.execute(asked, (int(allowed), series))


def _add_unit(company: Company, unit: _ItemUnit) -> None:
    item = company.find("items", number=unit.item)
    if item is None or not company.exists("unitsOfMeasure", code=unit.unit):
        raise bad_request(f"There is no item '{unit.item}' or no unit of measure '{unit.unit}'.")
    if unit.quantity <= 0 or unit.unit == item["baseUnitOfMeasureCode"]:
        raise bad_request(f"'{unit.unit}' must hold more than 0 base units of item '{unit.item}', and be none itself.")
    itemunits.add(company, item["id"], unit.unit, number(unit.quantity))
