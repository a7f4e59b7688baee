"""``syncline accept`` between the sandboxes: what is agreed passes, what is mapped wrongly is found, nothing stays."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from cli.calling import Systems, call, edit, started
from syncline.acceptance.book import FILE

FLOWS = ("customers", "products", "contacts", "orders")
ENTITIES = {"customers": "customers", "products": "items", "contacts": "contacts", "orders": "salesOrders"}
NOWHERE = {
    ("contacts", "lastContacted", "businesscentral"),  # nothing that Business Central's API can be told sets it
    ("orders", "lines.variant", "customerp"),  # the test product has no variants
    ("orders", "lines.variant", "businesscentral"),
}


def records(systems: Systems, flow: str) -> tuple[set[str], set[str]]:
    """The ids there are on both sides, by plain HTTP."""
    kind = "&$filter=type eq 'Person'" if flow == "contacts" else ""
    central = {row["id"] for row in systems.central.get(f"{ENTITIES[flow]}?$select=id{kind}").value}
    return {row["id"] for row in systems.erp.get(flow, limit=500).items}, central


def wanted(document: dict[str, Any], flow: str) -> set[tuple[str, str, str]]:
    """Every row of the document with each side it is to be told from."""
    found: set[tuple[str, str, str]] = set()
    for section in document["sections"]:
        for prefix, rows in (("", section["rows"]), ("lines.", section["lines"])):
            for row in rows if section["flow"] == flow else ():
                constant = any(cell["place"] == "(constant)" for cell in row["cells"].values())
                ways = {"both": ("customerp", "businesscentral"), "right": ("customerp",), "left": ("businesscentral",)}
                found |= {(flow, prefix + row["name"], side) for side in ways[row["direction"]] if not constant}
    return found


def failing(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(f["property"], f["what"], f["origin"]) for f in report["findings"] if f["verdict"] == "failed"}


def left(report: dict[str, Any]) -> dict[str, tuple[set[str], set[str]]]:
    """The ids of what the report says is left behind, as `records` tells them."""
    found: dict[str, tuple[set[str], set[str]]] = {flow: (set(), set()) for flow in FLOWS}
    for line in report["left"]:
        side, flow, id_ = line.partition(":")[0].split("/")
        found[flow][side == "businesscentral"].add(id_)
    return found


@pytest.mark.parametrize(
    ("flow", "options"), [("customers", []), ("products", ["--post"]), ("contacts", []), ("orders", ["--post"])]
)
def test_every_row_passes_in_every_direction_and_nothing_is_left_unsaid(
    project: Path, systems: Systems, flow: str, options: list[str]
) -> None:
    """With ``--post`` there is what Business Central does not delete any more, which is told."""
    assert call(project, "sync").code == 0
    before = {each: records(systems, each) for each in FLOWS}
    called = call(project, "accept", "--flow", flow, *options, "--json")
    report = called.json["report"]
    assert failing(report) == set(), called.out
    assert called.code == 0
    passed = {(f["flow"], f["property"], f["origin"]) for f in report["findings"] if f["verdict"] == "passed"}
    assert wanted(call(project, "document", "--json").json["document"], flow) - passed <= NOWHERE
    assert all(f["why"] for f in report["findings"] if f["verdict"] == "not applicable")
    assert bool(report["left"]) == bool(options)
    assert all("ledger entries" in line for line in report["left"])
    after = {each: records(systems, each) for each in FLOWS}
    assert {
        each: tuple(now - then for now, then in zip(after[each], before[each], strict=True)) for each in FLOWS
    } == left(report)
    assert not (project / FILE).exists()
    if not options:
        assert call(project, "verify").code == 0
        assert call(project, "parked", "--json").json["parked"] == []


DELIVERY_TERMS = (
    "  deliveryTerms:      {customerp: deliveryTerms,      businesscentral: shipmentMethodId, "
    "lookup: shipmentMethods, lens: code}\n"
)
SWAPPED = "address.region,     businesscentral: state}", "address.region,     businesscentral: city}"
PREFERRED = "{prefer: businesscentral}"
FAULTS = {
    "customers": [
        ("city", "businesscentral: city}", "businesscentral: state}"),  # two properties are swapped
        ("region", *SWAPPED),
        ("hold", "shipping: Ship, invoicing: Invoice", "shipping: Invoice, invoicing: Ship"),  # a wrong value map
        ("salesperson", "businesscentral: salespersonCode}", "businesscentral: salespersonCode, direction: ->}"),
        ("creditLimit", f"creditLimit, conflict: {PREFERRED}", "creditLimit, conflict: {prefer: customerp}"),
        ("website", "businesscentral: website}", "businesscentral: website, keep: filled}"),  # cannot be emptied
        ("deliveryTerms", DELIVERY_TERMS, ""),  # a property is missing
    ],
    "products": [
        ("name2", "businesscentral: displayName2}", "businesscentral: displayName2, lens: {truncate: 20}}"),
        ("active", "{path: blocked, lens: invert}", "blocked"),
        ("price", "businesscentral: unitPrice}", "businesscentral: unitPrice, lens: {decimal: 0}}"),
        ("deleted", "delete: ask", "delete: keep"),
    ],
    "contacts": [("email", "match: [email, mobile,", "match: [mobile,")],  # a match key is missing
    "orders": [("lines.unitPrice", "businesscentral: unitPrice}", "businesscentral: unitPrice, direction: <-}")],
}
"""What is to be found, and what is mapped otherwise."""


@pytest.mark.parametrize("flow", FAULTS)
def test_what_is_mapped_otherwise_than_signed_is_found(project: Path, flow: str, tmp_path: Path) -> None:
    signed = tmp_path / "signed.html"
    assert call(project, "document", "--out", str(signed)).code == 0
    for _, old, new in FAULTS[flow]:
        edit(project / f"flows/{flow}.yaml", old, new)
    called = call(project, "accept", "--document", str(signed), "--flow", flow, "--json")
    assert called.code == 1
    found = {row or what for row, what, _ in failing(called.json["report"])}
    assert found == {wrong for wrong, _, _ in FAULTS[flow]}, failing(called.json["report"])


def test_a_run_that_was_cut_short_goes_on_and_takes_away_what_it_made(project: Path, systems: Systems) -> None:
    assert call(project, "sync").code == 0
    before = {each: records(systems, each) for each in FLOWS}
    process = started(project, "accept", "--flow", "products")
    try:
        done: dict[str, Any] = {}
        while len(done) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
            if (project / FILE).exists():
                done = json.loads((project / FILE).read_text())["done"]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    kept = json.loads((project / FILE).read_text())["done"]
    called = call(project, "accept", "--flow", "products", "--json")
    assert called.code == 0, called.out
    findings = called.json["report"]["findings"]
    assert [f for found in kept.values() for f in found] == findings[: sum(map(len, kept.values()))]
    assert len({(f["flow"], f["what"], f["property"], f["origin"]) for f in findings}) == len(findings)
    assert {each: records(systems, each) for each in FLOWS} == before


def test_a_company_that_is_not_named_as_a_test_company_is_not_touched(project: Path, systems: Systems) -> None:
    edit(project / "syncline.yaml", f"'{systems.central.name}'", "Production")
    before = {each: records(systems, each) for each in FLOWS}
    called = call(project, "accept")
    assert called.code == 3
    assert f"businesscentral is {systems.central.name}" in called.err
    assert "which is not named as a test company: nothing was touched." in called.err
    assert (
        f"accept: {{companies: {{customerp: '{systems.erp.address[7:]}/api', businesscentral: '{systems.central.name}'"
        in called.err
    )
    assert {each: records(systems, each) for each in FLOWS} == before


def test_values_that_cannot_be_tried_are_told_with_their_place(project: Path) -> None:
    edit(
        project / "syncline.yaml",
        "values: {orders: {",
        "values: {order: {}, products: {price: [dear], cots: [1]}, orders: {",
    )
    called = call(project, "accept")
    assert called.code == 2
    assert "accept.values.order: no flow is called 'order'. Did you mean orders?" in called.err
    assert "accept.values.products.price: dear is not a number." in called.err
    assert "accept.values.products.cots: 'cots' is no property. Did you mean cost?" in called.err
