"""Two versions of the document: what is told of them is what was agreed differently, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from cli.calling import edit
from document.test_agreed import described
from syncline.document.versions import changes


def test_nothing_is_told_of_the_same_agreement_made_later(folder: Path) -> None:
    document = described(folder)
    assert changes(document, replace(document, made=document.made + timedelta(days=1))) == ()


def test_what_was_added_removed_and_changed_is_told_by_its_name(folder: Path) -> None:
    before = described(folder)
    flow = folder / "flows/customers.yaml"
    edit(flow, "  street2:            {customerp: address.street2,    businesscentral: addressLine2}\n", "")
    edit(flow, "businesscentral: state}", "businesscentral: city, direction: <-}")
    edit(
        flow,
        "  city:               {customerp: address.city,       businesscentral: city}",
        "  town:               {customerp: address.city,       businesscentral: state}",
    )
    edit(flow, "delete: ask", "delete: block")
    edit(folder / "flows/orders.yaml", "businesscentral: description2}", "businesscentral: description2, keep: filled}")
    told = [
        (each.kind, each.flow, each.row, each.what, each.old, each.new) for each in changes(before, described(folder))
    ]
    assert told == [
        (
            "changed",
            "customers",
            "",
            "terms",
            "A record that is deleted on one side stays on the other until a person decides.",
            "A record that is deleted on one side is created there again from the other.",
        ),
        ("added", "customers", "town", "property", "", "address.city ↔ state"),
        ("changed", "customers", "region", "Business Central property", "state", "city"),
        ("changed", "customers", "region", "direction", "↔", "←"),
        ("removed", "customers", "street2", "property", "address.street2 ↔ addressLine2", ""),
        ("removed", "customers", "city", "property", "address.city ↔ city", ""),
        ("changed", "orders", "line description2", "rules", "", "an empty value does not travel"),
    ]


def test_a_flow_that_comes_or_goes_is_told_as_one(folder: Path) -> None:
    before = described(folder)
    (folder / "flows/products.yaml").unlink()
    edit(
        folder / "flows/orders.yaml",
        "    product:            {customerp: productId,          businesscentral: itemId, reference: products}\n",
        "",
    )
    edit(folder / "flows/orders.yaml", ", within: product", "")
    now = described(folder)
    assert ("removed", "products", "Product ↔ Item") in [(c.kind, c.flow, c.old) for c in changes(before, now)]
    assert ("added", "products", "Product ↔ Item") in [(c.kind, c.flow, c.new) for c in changes(now, before)]
