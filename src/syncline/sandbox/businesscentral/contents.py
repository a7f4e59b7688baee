"""What the data is to hold: its companies, each with set-up codes only or with invented records."""

from __future__ import annotations

from msgspec import Struct

from syncline.sandbox.businesscentral import demo, setup
from syncline.sandbox.businesscentral.company import Database

LONGEST_NAME = 30
"""Of a company, as the product's table ``Company`` keeps it."""


class Contents(Struct, frozen=True, kw_only=True):
    """``companies`` are the names of those that must be there; data without any gets one in any case."""

    companies: tuple[str, ...] = ()
    empty: bool = False
    """A company that is made holds set-up codes only."""


def provide(database: Database, wanted: Contents) -> None:
    """Make the companies that are wanted and not there yet. Those that are there stay as they are."""
    there = {company.name for company in database.companies}
    names = wanted.companies or (() if there else (setup.EMPTY_NAME if wanted.empty else demo.NAME,))
    for name in dict.fromkeys(names):
        if name not in there:
            with database.transaction():
                company = setup.add_company(database, name)
                if not wanted.empty:
                    demo.fill(company)
