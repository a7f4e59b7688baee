"""The units that an item is sold in, each with how many base units it holds. The API shows none of them by itself."""

# Names of tables come from the company, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from decimal import Decimal

from syncline.sandbox.businesscentral.company import Company, Row


def add(company: Company, item: str, code: str, quantity: str) -> None:
    """``quantity`` base units make one of this unit; a unit that was set up already is changed."""
    table = company.table("itemUnits")
    company.database.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", (item, code, quantity))


def base_units_in(company: Company, item: Row, code: str) -> Decimal | None:
    """How many base units one of this unit holds; ``None`` where it is not set up for the item.

    An item for which nobody has set up any is sold in every unit of measure, one like the other: no request of the API
    could set one up.
    """
    base = item["baseUnitOfMeasureCode"]
    if code in ("", base):
        return Decimal(1)
    asked = f"SELECT code, quantity FROM {company.table('itemUnits')} WHERE itemId = ?"
    held = dict(company.database.execute(asked, (item["id"],)).fetchall())
    if held.keys() <= {base}:
        return Decimal(1)
    return Decimal(held[code]) if code in held else None


def remove(company: Company, item: str) -> None:
    company.database.execute(f"DELETE FROM {company.table('itemUnits')} WHERE itemId = ?", (item,))
