"""What the data is to hold: its companies, with set-up codes only, with the demo's records or with generated ones."""

from __future__ import annotations

from msgspec import Struct

from syncline.sandbox.businesscentral.company import Database
from syncline.sandbox.businesscentral.contents import demo, generate, setup
from syncline.sandbox.businesscentral.contents.progress import watched

LONGEST_NAME = 30
"""Of a company, as the product's table ``Company`` keeps it."""


class Contents(Struct, frozen=True, kw_only=True):
    """``companies`` are the names of those that must be there; data without any gets one in any case."""

    companies: tuple[str, ...] = ()
    empty: bool = False
    """A company that is made holds set-up codes only."""
    customers: int | None = None
    """A company that is made holds so many generated customers, with what belongs to them."""
    seed: int = 1


def provide(database: Database, wanted: Contents) -> None:
    """Make the companies that are wanted and not there yet. Those that are there stay as they are."""
    there = {company.name for company in database.companies}
    for name in dict.fromkeys(wanted.companies or _by_default(wanted, anything=bool(there))):
        if name not in there:
            with database.bulk_transaction():
                _add(database, name, wanted)


def _by_default(wanted: Contents, *, anything: bool) -> tuple[str, ...]:
    if wanted.customers:
        return (generate.NAME,)
    return () if anything else (setup.EMPTY_NAME if wanted.empty else demo.NAME,)


def _add(database: Database, name: str, wanted: Contents) -> None:
    if wanted.customers:
        size = generate.Size(wanted.customers)
        with watched(f"{name}: records", size.records) as told:
            generate.add_company(database, name, size, seed=wanted.seed, told=told)
        return
    company = setup.add_company(database, name)
    if not wanted.empty:
        demo.fill(company)
