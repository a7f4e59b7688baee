"""A system that was brought back from its backup, and what a person says of deleted records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.calling import Systems, call, edit
from sandbox_businesscentral import central
from sandbox_customerp import erp


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    """Two sandboxes of the test's own: others must not be brought back."""
    (tmp_path / "central").mkdir()
    (tmp_path / "erp").mkdir()
    with (
        central.running(tmp_path / "central", "--open", "--empty") as businesscentral,
        erp.running(tmp_path / "erp", "--open", "--empty") as customerp,
    ):
        yield Systems(businesscentral, customerp)


@pytest.fixture
def customers(systems: Systems, tmp_path: Path) -> Path:
    project = systems.project(tmp_path / "project")
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/customers.yaml]")
    for n in range(3):
        systems.erp.made("customers", name=f"Customer {n}", organisationNumber=f"ORG{n}", hold="none")
    assert call(project, "sync").code == 0
    return project


def names(systems: Systems) -> tuple[list[str], list[str]]:
    ours = [each["name"] for each in systems.erp.get("customers").items]
    theirs = [each["displayName"] for each in systems.central.get("customers").body["value"]]
    return sorted(ours), sorted(theirs)


def test_a_system_that_went_back_is_repaired(systems: Systems, customers: Path) -> None:
    assert systems.central.post("/sandbox/snapshots", {"name": "backup"}).status < 300
    (first, *_) = systems.erp.get("customers").items
    systems.erp.patch(f"customers/{first['id']}", {"phone": "+4721000000"})
    assert call(customers, "sync").code == 0
    assert systems.central.post("/sandbox/snapshots/backup/restore", None).status < 300
    stopped = call(customers, "sync")
    assert stopped.code == 1
    assert "businesscentral seems to have been brought back from a backup" in stopped.err
    assert "syncline sync --repair businesscentral" in stopped.err
    assert call(customers, "sync", "--repair", "nobody").code == 2
    assert call(customers, "sync", "--repair", "customerp", "--follow", "customerp").code == 2
    assert call(customers, "sync", "--repair", "businesscentral").code == 0
    phones = {each["displayName"]: each["phoneNumber"] for each in systems.central.get("customers").body["value"]}
    assert phones[first["name"]] == "+4721000000"
    assert call(customers, "verify").code == 0


def test_deleted_records_are_answered_in_bulk(systems: Systems, customers: Path) -> None:
    for each in systems.erp.get("customers").items:
        assert systems.erp.delete(f"customers/{each['id']}").status == 204
    assert call(customers, "sync").code == 0
    shown = call(customers, "parked", "--cause", "deleted")
    assert shown.out.count("deleted in customerp, still in businesscentral") == 3
    assert "syncline parked delete" in shown.out
    assert call(customers, "parked", "accept", "Customer 0").code == 2
    assert call(customers, "parked", "keep").code == 2
    restored = call(customers, "parked", "restore", "Customer 0", "--json")
    assert len(restored.json["restore"]) == 1
    kept = call(customers, "parked", "keep", "Customer 1")
    assert "1 record will be left as they are by the next pass." in kept.err
    assert call(customers, "sync").code == 0
    assert names(systems) == (["Customer 0"], ["Customer 0", "Customer 1", "Customer 2"])
    deleted = call(customers, "parked", "--cause", "deleted", "delete", "--all", "--json")
    assert len(deleted.json["delete"]) == 1
    assert call(customers, "sync").code == 0
    assert names(systems) == (["Customer 0"], ["Customer 0", "Customer 1"])
    assert call(customers, "parked").out == ""
