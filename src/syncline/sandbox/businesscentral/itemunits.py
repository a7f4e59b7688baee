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
    """How many base units one of this unit holds; ``None`` where it is not set up for the item."""
    if code in ("", item["baseUnitOfMeasureCode"]):
        return Decimal(1)
    asked = f"SELECT quantity FROM {company.table('itemUnits')} WHERE itemId = ? AND code = ?"
    found = company.database.execute(asked, (item["id"], code)).fetchone()
    return Decimal(found[0]) if found else None


def remove(company: Company, item: str) -> None:
    company.database.execute(f"DELETE FROM {company.table('itemUnits')} WHERE itemId = ?", (item,))
