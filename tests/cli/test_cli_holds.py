"""``holds``: what a broken import emptied, and what a person says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import Systems, call, edit
from sandbox_businesscentral import central
from sandbox_customerp import erp

N = 27


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    """Two sandboxes of the test's own: shares are of all records there are."""
    for name in ("central", "erp"):
        (tmp_path / name).mkdir()
    with (
        central.running(tmp_path / "central", "--open", "--empty") as businesscentral,
        erp.running(tmp_path / "erp", "--open", "--empty") as customerp,
    ):
        yield Systems(businesscentral, customerp)


@pytest.fixture
def emptied(systems: Systems, tmp_path: Path) -> Path:
    """A project whose customers have lost their phones in Customerp."""
    project = systems.project(tmp_path / "project")
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/customers.yaml]")
    made = [systems.erp.made("customers", name=f"Customer {n}", phone=f"+472100{n:04}") for n in range(N)]
    assert call(project, "sync").code == 0
    for each in made:
        assert systems.erp.patch(f"customers/{each['id']}", {"phone": None}).status == 200
    return project


def phones(systems: Systems) -> set[str]:
    return {each["phoneNumber"] for each in systems.central.get("customers").body["value"]}


def test_it_is_told_loudly_and_let_through_or_put_back(systems: Systems, emptied: Path) -> None:
    assert call(emptied, "holds").err == "Nothing is held.\n"
    told = call(emptied, "sync", "--json")
    assert told.code == 1
    assert told.json["held"] == [f"phone of customers in customerp: {N} emptied at once, of {N}"]
    again = call(emptied, "sync")
    assert again.code == 1
    assert "Held: phone of customers in customerp" in again.err
    assert "1 property held back" in call(emptied, "status").err
    (hold,) = call(emptied, "holds", "--json").json["holds"]
    assert (hold["flow"], hold["side"], hold["property"], hold["state"]) == ("customers", "customerp", "phone", "held")
    assert call(emptied, "holds").lines[1].split()[:6] == [
        "customers.phone",
        "customerp",
        "held",
        str(N),
        str(N),
        str(N),
    ]
    assert "" not in phones(systems)
    assert call(emptied, "holds", "pass", "customers.city").code == 2
    assert call(emptied, "holds", "pass", "customers.phone", "--side", "businesscentral").code == 2
    rejected = call(emptied, "holds", "reject", "customers.phone", "--json")
    assert [each["state"] for each in rejected.json["rejected"]] == ["held"]
    assert call(emptied, "sync").code == 0
    assert all(each["phone"] for each in systems.erp.get("customers").items)
    assert call(emptied, "holds").err == "Nothing is held.\n"
    for each in systems.erp.get("customers").items:
        systems.erp.patch(f"customers/{each['id']}", {"phone": None})
    assert call(emptied, "sync").code == 1
    assert "lets them through" in call(emptied, "holds", "pass", "customers.phone").err
    assert call(emptied, "sync").code == 0
    assert phones(systems) == {""}
    assert call(emptied, "verify").code == 0
