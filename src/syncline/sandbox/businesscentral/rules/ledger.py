"""Which records ledger entries name: what was posted with an item, a customer or a code keeps it from being deleted."""

# Names of tables come from the company, never from a request; values are always parameters.
# ruff: noqa: S608

from __future__ import annotations

from syncline.sandbox.businesscentral.company import Company


def enter(company: Company, *ids: str) -> None:
    """Note that a posting named these records."""
    company.database.executemany(
        f"INSERT OR IGNORE INTO {company.table('ledger')} VALUES (?)", [(each,) for each in ids]
    )


def has_entries(company: Company, record: str) -> bool:
    asked = f"SELECT 1 FROM {company.table('ledger')} WHERE id = ?"
    return company.database.execute(asked, (record,)).fetchone() is not None
