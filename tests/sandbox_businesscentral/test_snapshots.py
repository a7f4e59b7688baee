"""Snapshots: everything is as it was, and nothing that was handed out meanwhile passes for something else."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import Central, running
from syncline.sandbox.businesscentral.signin import SCOPE

_SETS = ("customers", "contacts", "items", "salesOrders", "salesInvoices", "salesShipments")


def test_tokens_and_faults_are_no_data_and_stay(tmp_path: Path) -> None:
    client = {"SYNCLINE_SANDBOX_CLIENT_ID": "client", "SYNCLINE_SANDBOX_CLIENT_SECRET": "s3cret"}
    with running(tmp_path, "--empty", environment=client) as sandbox:
        _take(sandbox, "before")
        asked = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "s3cret", "scope": SCOPE}
        form = urllib.parse.urlencode(asked).encode()
        with urllib.request.urlopen(f"{sandbox.address}/local/oauth2/v2.0/token", form) as answer:
            sandbox.headers["Authorization"] = f"Bearer {json.loads(answer.read())['access_token']}"
        sandbox.post("/sandbox/faults", {"next": [{"kind": "503", "match": "companies"}]})
        _restore(sandbox, "before")
        assert [sandbox.get("/companies").status for _ in range(2)] == [503, 200]


@pytest.fixture(params=["in memory", "in a file"])
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Central]:
    options = ("--data", str(tmp_path / "central.db")) if request.param == "in a file" else ()
    with running(tmp_path, "--open", *options) as sandbox:
        yield sandbox


def _take(central: Central, name: str) -> dict[str, Any]:
    reply = central.post("/sandbox/snapshots", {"name": name})
    assert reply.status == 201, reply
    taken: dict[str, Any] = reply.body
    return taken


def _restore(central: Central, name: str) -> None:
    assert central.post(f"/sandbox/snapshots/{name}/restore", {}).status == 204


def _everything(central: Central) -> dict[str, Any]:
    found: dict[str, Any] = {name: central.get(name).value for name in _SETS}
    for order in found["salesOrders"]:
        order["lines"] = central.get(f"salesOrders({order['id']})/salesOrderLines").value
    return found


def test_everything_is_as_it_was(demo: Central) -> None:
    before = _everything(demo)
    _take(demo, "before")
    order = before["salesOrders"][0]
    assert demo.post(f"salesOrders({order['id']})/Microsoft.NAV.shipAndInvoice", {}).status == 204
    new = demo.made("customers", {"displayName": "After"})
    item = demo.made("items", {"displayName": "After"})
    demo.patch(f"contacts({before['contacts'][3]['id']})", {"city": "Elsewhere"})
    assert demo.delete(f"salesOrders({before['salesOrders'][1]['id']})").status == 204
    assert _everything(demo) != before
    _restore(demo, "before")
    assert _everything(demo) == before
    assert demo.get(f"customers({new['id']})").status == 404
    again = demo.made("items", {"displayName": "Again"})
    assert again["number"] == item["number"]
    assert again["id"] != item["id"]
    _restore(demo, "before")
    assert _everything(demo) == before


def test_what_was_handed_out_meanwhile_names_no_other_state(demo: Central) -> None:
    item = demo.made("items", {"displayName": "First"})
    path = f"items({item['id']})"
    _take(demo, "before")
    lost = demo.patch(path, {"displayName": "Lost"}).body
    _restore(demo, "before")
    assert demo.get(path).body["@odata.etag"] == item["@odata.etag"]
    assert demo.patch(path, {"displayName": "x"}, lost["@odata.etag"]).code == "Request_EntityChanged"
    second = demo.patch(path, {"displayName": "Second"}, item["@odata.etag"])
    assert second.status == 200
    assert second.body["@odata.etag"] not in (item["@odata.etag"], lost["@odata.etag"])
    assert second.body["lastModifiedDateTime"] >= lost["lastModifiedDateTime"]
    assert demo.patch(path, {"displayName": "x"}, lost["@odata.etag"]).code == "Request_EntityChanged"


def test_snapshots_are_listed_replaced_and_forgotten(demo: Central) -> None:
    assert demo.get("/sandbox/snapshots").body == {"snapshots": []}
    first = _take(demo, "one")
    assert first["name"] == "one"
    assert first["bytes"] > 100_000
    _take(demo, "two.of-them_2")
    demo.made("items", {"displayName": "Taken again with this"})
    later = _take(demo, "one")
    assert later["takenAt"] >= first["takenAt"]
    listed = demo.get("/sandbox/snapshots").body["snapshots"]
    assert sorted(each["name"] for each in listed) == ["one", "two.of-them_2"]
    _restore(demo, "one")
    assert len(demo.get("items?$filter=displayName eq 'Taken again with this'").value) == 1
    assert demo.call("DELETE", "/sandbox/snapshots/one").status == 204
    assert [each["name"] for each in demo.get("/sandbox/snapshots").body["snapshots"]] == ["two.of-them_2"]
    for gone in (demo.call("DELETE", "/sandbox/snapshots/one"), demo.post("/sandbox/snapshots/one/restore", {})):
        assert (gone.status, gone.code) == (404, "BadRequest_NotFound")


def test_a_name_leads_nowhere_else(demo: Central, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for name in ("", ".", "..", "../up", "a/b", "a\\b", ".hidden", "Upper", "a b", "å", "a\n", "x" * 65):
        refused = demo.post("/sandbox/snapshots", {"name": name})
        assert (refused.status, refused.code) == (400, "BadRequest"), name
        if name and name.isprintable():
            assert demo.post(f"/sandbox/snapshots/{name}/restore", {}).code == "BadRequest"
            assert demo.call("DELETE", f"/sandbox/snapshots/{name}").code == "BadRequest"
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_no_snapshot_order_is_refused(demo: Central) -> None:
    for body in ({}, {"name": 1}, {"name": "a", "of": "customers"}, ["a"], None):
        refused = demo.post("/sandbox/snapshots", body)
        assert (refused.status, refused.code) == (400, "BadRequest")


def test_snapshots_of_a_file_stand_beside_it_and_outlive_the_server(tmp_path: Path) -> None:
    data = ("--open", "--data", str(tmp_path / "central.db"))
    with running(tmp_path, *data, "--company", "One", "--empty") as sandbox:
        item = sandbox.made("items", {"displayName": "Kept"})
        _take(sandbox, "before")
        sandbox.delete(f"items({item['id']})")
    assert [file.name for file in (tmp_path / "central.db.snapshots").iterdir()] == ["before.db"]
    with running(tmp_path, *data, "--company", "Two", "--empty") as sandbox:
        assert [company["name"] for company in sandbox.get("/companies").value] == ["One", "Two"]
        newest = sandbox.made("items", {})
        _restore(sandbox, "before")
        assert [company["name"] for company in sandbox.get("/companies").value] == ["One"]
        assert sandbox.get(f"items({item['id']})").body == item | {"@odata.context": _context(sandbox)}
        assert sandbox.made("items", {})["lastModifiedDateTime"] >= newest["lastModifiedDateTime"]
    with running(tmp_path, *data) as sandbox:
        assert sandbox.get(f"items({item['id']})").body["displayName"] == "Kept"


def _context(central: Central) -> str:
    return f"{central.root}/$metadata#companies({central.company})/items/$entity"


def test_a_broken_snapshot_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    with running(tmp_path, "--open", "--empty", "--data", str(data)) as sandbox:
        item = sandbox.made("items", {"displayName": "Kept"})
        for broken in (b"no database at all, and long enough to be sure of it" * 40, b""):
            _take(sandbox, "broken")
            (tmp_path / "central.db.snapshots" / "broken.db").write_bytes(broken)
            refused = sandbox.post("/sandbox/snapshots/broken/restore", {})
            assert (refused.status, refused.code) == (400, "BadRequest")
        assert sandbox.get(f"items({item['id']})").body["displayName"] == "Kept"
