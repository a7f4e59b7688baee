"""``syncline document``: the files that are written, what changed, and the examples of live records."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.calling import Systems, call, edit

FORMS = ("agreement.html", "agreement.rst", "agreement.md", "agreement.json")


def test_it_is_printed_as_markdown_and_nothing_else(project: Path) -> None:
    called = call(project, "document")
    assert (called.code, called.err) == (0, "")
    assert called.lines[0] == "# Dataflow between Customerp and Business Central"
    assert "| price | price | unitPrice | Decimal | ↔ |  |" in called.lines


def test_each_file_is_what_its_ending_says(project: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in FORMS]
    called = call(project, "document", *(part for file in files for part in ("--out", str(file))))
    assert (called.code, called.out) == (0, "")
    assert called.err.splitlines() == [f"{file} was written." for file in files]
    begins = ["<!doctype html>", "Dataflow between Customerp", "# Dataflow between Customerp", '{"title":"Dataflow']
    for file, begin in zip(files, begins, strict=True):
        assert file.read_text().startswith(begin)


@pytest.mark.parametrize("old", ["agreement.html", "agreement.json", None])
def test_a_change_of_the_agreement_is_told_against_what_was_kept(
    project: Path, tmp_path: Path, old: str | None
) -> None:
    before = project if old is None else tmp_path / old
    if old is not None:
        call(project, "document", "--out", str(before))
    assert call(project, "document", "--against", str(before)).lines == ["Nothing was changed."]
    if old is None:
        return
    edit(project / "flows/products.yaml", "businesscentral: unitCost}", "businesscentral: unitCost, direction: <-}")
    called = call(project, "document", "--against", str(before), "--out", str(tmp_path / "new.html"))
    assert called.code == 1
    assert called.lines == ["products", "  cost: direction", "    - ↔", "    + ←"]
    assert "<del>↔</del>" in (tmp_path / "new.html").read_text()
    told = call(project, "document", "--against", str(before), "--json").json
    assert [(c["flow"], c["row"], c["old"], c["new"]) for c in told["changes"]] == [("products", "cost", "↔", "←")]
    assert told["document"]["sides"] == {"customerp": "Customerp", "businesscentral": "Business Central"}


def test_what_is_no_document_and_no_ending_is_said_to_be_none(project: Path, tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("<html></html>")
    called = call(project, "document", "--against", str(tmp_path / "old.html"))
    assert called.code == 2
    assert "old.html: holds no dataflow document" in called.err
    assert "Name a project's folder, or a document that was written as .html or .json." in called.err
    called = call(project, "document", "--out", str(tmp_path / "agreement.pdf"))
    assert called.code == 2
    assert "agreement.pdf: its ending says what it is to be: .html, .htm, .rst, .md, .json." in called.err
    called = call(project, "document", "--out", str(tmp_path / "nowhere" / "agreement.md"))
    assert called.code == 2
    assert "agreement.md cannot be written: No such file or directory." in called.err


def test_examples_are_values_that_records_hold_now(project: Path, systems: Systems) -> None:
    customer = systems.erp.made("customers", name="Exemplar | Ltd", address={"city": "Leeds"}, hold="all")
    systems.erp.made("orders", customerId=customer["id"], lines=[{"kind": "text", "description": "Mind the step"}])
    systems.central.made("items", {"number": "EXAMPLE-1", "displayName": "Example", "unitPrice": 4.5})
    sent = systems.requests
    rows = {}
    for section in call(project, "document", "--examples", "--json").json["document"]["sections"]:
        for row in (*section["rows"], *section["lines"]):
            rows[section["flow"], row["name"]] = row["example"]
    assert rows["customers", "city"]
    assert rows["orders", "description"]
    assert rows["orders", "customer"] == ""
    assert rows["products", "price"]
    assert systems.requests - sent < 40
    assert not call(project, "status", "--json").json["flows"]["customers"]["linked"]
