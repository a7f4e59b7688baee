"""A flow that comes to map more: what is new is brought in step on both sides, by its policy, and nothing else is."""

from __future__ import annotations

from typing import Any

from engine.pair import Pair
from syncline.engine.plan import plan

LINE = "name2:"
PRODUCT = {"kind": "stock", "unit": "PCS"}


async def _both(both: Pair) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    ours, theirs = await both.erp.all("products"), await both.central.all("items")
    return {each["sku"]: each for each in ours}, {each["number"]: each for each in theirs}


async def test_a_property_that_is_mapped_since_is_filled_on_both_sides(both: Pair) -> None:
    flow = both.folder / "flows" / "products.yaml"
    whole = flow.read_text()
    flow.write_text("".join(line for line in whole.splitlines(keepends=True) if LINE not in line))
    for sku in ("LEFT", "RIGHT", "BOTH", "NONE"):
        await both.erp.create("products", {**PRODUCT, "sku": sku, "name": f"Thing {sku}"})
    await both.sync()
    ours, theirs = await _both(both)
    await both.erp.change("products", ours["LEFT"]["id"], {"name2": "of the left"})
    await both.central.change("items", theirs["RIGHT"]["id"], {"displayName2": "of the right"})
    await both.erp.change("products", ours["BOTH"]["id"], {"name2": "of the left"})
    await both.central.change("items", theirs["BOTH"]["id"], {"displayName2": "the later one"})
    assert (await both.sync()).writes == 0

    flow.write_text(whole)
    async with both.setup() as setup:
        planned = await plan(setup)
    assert (
        sorted((row.step, change.property) for row in planned.rows for change in row.changes)
        == [("update", "name2")] * 3
    )
    result = await both.sync()
    assert result.writes == 3
    ours, theirs = await _both(both)
    wanted = {"LEFT": "of the left", "RIGHT": "of the right", "BOTH": "the later one", "NONE": None}
    assert {sku: each["name2"] for sku, each in ours.items()} == wanted
    assert {sku: each["displayName2"] or None for sku, each in theirs.items()} == wanted
    assert any("products maps name2" in sentence for sentence in result.told)
    again = await both.sync()
    assert (again.writes, again.told) == (0, [])


async def test_a_property_that_is_mapped_no_more_changes_nothing(both: Pair) -> None:
    await both.erp.create("products", {**PRODUCT, "sku": "P", "name": "Thing", "name2": "as it was"})
    await both.sync()
    flow = both.folder / "flows" / "products.yaml"
    flow.write_text("".join(line for line in flow.read_text().splitlines(keepends=True) if LINE not in line))
    result = await both.sync()
    assert (result.writes, result.told) == (0, [])
    assert (await _both(both))[1]["P"]["displayName2"] == "as it was"
