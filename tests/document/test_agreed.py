"""The document says what was agreed on: all of it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cli.calling import edit
from syncline.document.agreed import describe
from syncline.document.model import Document, Row
from syncline.project import load

MADE = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
TABLES = Path(__file__).with_name("agreement.txt")


def described(folder: Path) -> Document:
    return describe(load(folder), MADE)


def rows(document: Document, flow: str) -> dict[str, Row]:
    return {row.name: row for section in document.sections if section.flow == flow for row in section.rows}


def lines(document: Document, flow: str) -> dict[str, Row]:
    return {row.name: row for section in document.sections if section.flow == flow for row in section.lines}


def agreed() -> dict[str, list[tuple[str, ...]]]:
    """The tables of the file by their names: rows of place, direction, place and type."""
    tables: dict[str, list[tuple[str, ...]]] = {}
    for part in TABLES.read_text().split("\n\n")[1:]:
        name, *lines = part.strip().splitlines()
        found = [re.split(r"\s{2,}|\s*([↔→←])\s*", line) for line in lines]
        tables[name] = [tuple(cell for cell in row if cell) for row in found]
    return tables


def told(document: Document) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    for section in document.sections:
        for name, each in ((section.flow, section.rows), (f"{section.flow}, lines", section.lines)):
            if each:
                yield name, [_cells(row) for row in each]


def _cells(row: Row) -> tuple[str, ...]:
    left, right = row.cells["customerp"], row.cells["businesscentral"]
    return (left.place, row.arrow, right.place, right.type)


def test_the_document_of_the_shipped_flows_has_exactly_the_properties_agreed_on(folder: Path) -> None:
    assert dict(told(described(folder))) == agreed()


def test_it_says_what_is_synchronised_with_what_and_that_the_pair_stays_in_step(folder: Path) -> None:
    about = {section.flow: " ".join(section.about) for section in described(folder).sections}
    assert about["contacts"].startswith(
        "Every Contact of Customerp (contacts) is synchronised with one Contacts person of Business Central "
        "(contacts where type is Person)."
    )
    assert all("stays in step wherever it is edited" in told for told in about.values())
    assert "lines" in about["orders"]


def test_a_side_that_is_only_read_is_said_to_be(folder: Path) -> None:
    edit(folder / "flows/products.yaml", "{entity: products, title: Product}", "{entity: products, write: off}")
    section = next(s for s in described(folder).sections if s.flow == "products")
    assert section.title == "products ↔ Item"
    assert "Customerp is only read: records are created and changed in Business Central alone." in section.about


def test_the_rules_of_a_row_are_told(folder: Path) -> None:
    document = described(folder)
    customers, contacts, products = (rows(document, flow) for flow in ("customers", "contacts", "products"))
    assert "sent with a new record, later only to where it is empty" in customers["number"].rules
    assert "match key 1" in customers["organisationNumber"].rules
    assert "suggests a match (with postalCode)" in customers["name"].rules
    assert "if both changed it, Business Central wins" in customers["creditLimit"].rules
    assert "Business Central: looked up by code in paymentTerms" in customers["paymentTerms"].rules
    assert "E.164 where it can be a number of the record's country" in customers["phone"].rules
    hold = "Business Central: none = _x0020_, shipping = Ship, invoicing = Invoice, all = All"
    assert hold in customers["hold"].rules
    assert contacts["customer"].rules[:2] == (
        "points to the linked record of customers",
        "Business Central: by its contactsInformation.contactNumber",
    )
    assert "match key 3 (with customer)" in contacts["name"].rules
    assert (
        "Business Central: looked up by code in itemCategories, created there if it is missing"
        in products["category"].rules
    )
    assert "Business Central: inverted: yes there is no here" in products["active"].rules
    assert "Customerp: always RESALE; only where kind is stock or (empty)" in products["inventoryPostingGroup"].rules
    assert (
        "Business Central: looked up by code in itemVariants of its product"
        in lines(document, "orders")["variant"].rules
    )


def test_what_all_of_a_data_type_lose_is_told_once(folder: Path) -> None:
    document = described(folder)
    assert any("Code[10]" in part and part.endswith("becomes upper case.") for part in document.introduction)
    assert rows(document, "customers")["postalCode"].rules == ("suggests a match (with name)",)


def test_which_records_take_part_and_what_a_deletion_does_are_told(folder: Path) -> None:
    edit(folder / "flows/products.yaml", "delete: ask", "delete: propagate\nfrom: 2026-01-31T08:00:00Z")
    terms = next(section.terms for section in described(folder).sections if section.flow == "products")
    assert terms[0] == "Customerp: what was last changed before 2026-01-31 08:00 UTC is left alone."
    assert "Records that are not linked yet are the same if they have the same sku, else the same barcode." in terms
    assert any(term.startswith("A record that is deleted on one side is deleted on the other too") for term in terms)


def test_other_rules_are_told_in_words(folder: Path) -> None:
    edit(
        folder / "flows/products.yaml",
        "businesscentral: displayName2}",
        "businesscentral: displayName2, lens: [trim, {truncate: 20}], keep: filled, conflict: ask}",
    )
    rules = rows(described(folder), "products")["name2"].rules
    assert "an empty value does not travel" in rules
    assert "if both changed it, a person is asked" in rules
    assert "text is cut after 20 characters; blanks at the ends are lost" in rules


def test_title_introduction_and_the_systems_names_are_the_projects_own(folder: Path) -> None:
    edit(
        folder / "syncline.yaml",
        "flows: flows",
        "flows: flows\ndocument:\n  title: What we agreed\n  introduction: |\n    One.\n\n    Two.",
    )
    edit(folder / "syncline.yaml", "connector: rest", "connector: rest\n    title: Kundenportal")
    document = described(folder)
    assert document.title == "What we agreed"
    assert document.introduction[:2] == ("One.", "Two.")
    assert dict(document.sides) == {"customerp": "Kundenportal", "businesscentral": "Business Central"}
