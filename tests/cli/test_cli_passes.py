"""``plan``, ``apply``, ``sync`` and ``verify`` between two real sandboxes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.calling import Systems, call, edit
from sandbox_customerp.erp import Erp
from syncline.project import load

SIDES = {"customerp", "businesscentral"}


@pytest.fixture
def customers(systems: Systems, project: Path, request: pytest.FixtureRequest) -> Path:
    """A project of customers only, with one on each side; those of other tests are in step already."""
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/customers.yaml]")
    assert call(project, "sync").code == 0
    name = request.node.name[-20:]
    systems.erp.made("customers", name=f"{name} of the ERP", hold="none")
    systems.central.made("customers", {"displayName": f"{name} of Central"})
    return project


def steps(rows: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return sorted((row["step"], row["name"].rpartition(" of ")[2], row.get("target")) for row in rows)


BOTH = [("create", "Central", "customerp"), ("create", "the ERP", "businesscentral")]


def test_a_plan_tells_all_and_does_nothing(systems: Systems, customers: Path) -> None:
    writes = [systems.erp.position(), systems.central.get("customers?$count=true").body["@odata.count"]]
    shown = call(customers, "plan")
    assert shown.code == 0
    assert shown.lines[0].split() == ["FLOW", "LINK", "CREATE", "UPDATE", "CONFLICT", "PARK"]
    assert shown.lines[1].split() == ["customers", "0", "2", "0", "0", "0"]
    assert any(line.startswith("  create ") and line.endswith(" of the ERP in businesscentral") for line in shown.lines)
    assert any(line.startswith("      name: ") and line.endswith(" (from customerp)") for line in shown.lines)
    assert shown.err == "\nNothing was written. syncline sync does it.\n"
    told = call(customers, "plan", "--json").json
    assert set(told) == {"made", "systems", "rows"}
    assert set(told["systems"]) == SIDES
    assert steps(told["rows"]) == BOTH
    assert writes == [systems.erp.position(), systems.central.get("customers?$count=true").body["@odata.count"]]
    assert call(customers, "status", "--json").json["flows"]["customers"]["due"] == 0


def test_what_is_applied_is_what_was_reviewed(systems: Systems, customers: Path, tmp_path: Path) -> None:
    reviewed = tmp_path / "plan.json"
    planned = call(customers, "plan", "--out", str(reviewed), "--json")
    assert reviewed.read_text() == planned.out
    (mine,) = (row for row in planned.json["rows"] if row["target"] == "businesscentral")
    systems.erp.patch(f"customers/{mine['members']['customerp']}", {"phone": "+4722334455"})
    applied = call(customers, "apply", str(reviewed), "--json")
    assert applied.code == 1
    told = applied.json
    assert told["flows"]["customers"]["created"] == {"customerp": 1, "businesscentral": 0}
    (refused,) = told["refused"]
    assert (refused["row"]["target"], refused["row"]["name"]) == ("businesscentral", mine["name"])
    assert "has moved since the plan was made" in refused["why"]
    again = call(customers, "apply", str(reviewed))
    assert again.code == 1
    assert again.out.count("refused: create ") == 2
    assert call(customers, "plan", "--out", str(reviewed)).code == 0
    assert call(customers, "apply", str(reviewed)).code == 0
    assert call(customers, "sync").code == 0, "what a system derived from a write travels back by the next pass"
    assert call(customers, "verify").code == 0


def test_a_plan_comes_back_from_its_file_as_it_was(systems: Systems, customers: Path, tmp_path: Path) -> None:
    assert call(customers, "sync").code == 0
    (link, *_) = call(customers, "links", "--json", "of Central").json["links"]
    systems.erp.patch(f"customers/{link['members']['customerp']}", {"creditLimit": 1200.50, "taxable": True})
    reviewed = tmp_path / "plan.json"
    (row,) = call(customers, "plan", "--out", str(reviewed), "--json").json["rows"]
    assert {change["property"]: change["new"] for change in row["changes"]} == {"creditLimit": 1200.5, "taxable": True}
    applied = call(customers, "apply", str(reviewed), "--json")
    assert (applied.code, applied.json["refused"]) == (0, [])
    assert applied.json["flows"]["customers"]["updated"] == {"customerp": 0, "businesscentral": 1}


def test_a_pass_is_told_by_flow_and_side(systems: Systems, customers: Path) -> None:
    passed = call(customers, "sync", "--json")
    assert passed.code == 0
    told = passed.json
    assert set(told) == {"flows", "writes", "unfinished", "void", "held"}
    flow = told["flows"]["customers"]
    assert flow["created"] == {"customerp": 1, "businesscentral": 1}
    assert flow["linked"] == 0
    assert flow["now"]["waiting"] == 0
    assert told["unfinished"] == []
    assert told["writes"] >= 2
    shown = call(customers, "sync")
    assert shown.code == 0
    assert shown.lines[0].split() == ["FLOW", "SYSTEM", "LINKED", "CREATED", "UPDATED", "PARKED", "WAITING"]
    assert shown.lines[1].split() == ["customers", "customerp", "0", "0", "0", "0", "0"]
    assert shown.lines[2].split() == ["customers", "businesscentral", "0", "0"]
    assert max(map(len, shown.lines)) <= 80


def test_an_edit_shows_as_a_difference_until_it_has_arrived(systems: Systems, customers: Path) -> None:
    assert call(customers, "sync").code == 0
    agreed = call(customers, "verify", "--json")
    assert agreed.code == 0
    assert (agreed.json["differences"], agreed.json["compared"]["customers"] >= 2) == ([], True)
    assert "Both sides agree in " in call(customers, "verify").out
    (link, *_) = call(customers, "links", "--json", "of the ERP").json["links"]
    systems.erp.patch(f"customers/{link['members']['customerp']}", {"name": "Renamed in the ERP"})
    differing = call(customers, "verify", "--json")
    assert differing.code == 1
    (difference,) = differing.json["differences"]
    assert difference["property"] == "name"
    assert difference["values"] == {"customerp": "Renamed in the ERP", "businesscentral": link["name"]}
    assert difference["cause"] == "changed in customerp since the last pass"
    shown = call(customers, "verify")
    assert shown.code == 1
    held = f"Renamed in the ERP (customerp), {link['name']} (businesscentral)"
    assert any(line.endswith(f": name: {held}") for line in shown.lines)
    assert call(customers, "sync").code == 0
    assert call(customers, "verify").code == 0
    last = call(customers, "history", link["members"]["customerp"], "--json").json["entries"][-1]
    assert (last["property"], last["old"], last["new"]) == ("name", link["name"], "Renamed in the ERP")
    assert (last["origin"], last["ref"].partition("/")[0]) == ("customerp", "businesscentral")


def test_what_is_parked_is_told_and_is_no_failure(systems: Systems, customers: Path) -> None:
    systems.erp.made("customers", name="Unknown currency AS", currency="XXQ")
    passed = call(customers, "sync")
    assert passed.code == 0
    assert "1 record parked for a person by this pass: syncline parked tells why." in passed.err
    (parked,) = call(customers, "parked", "--json").json["parked"]
    assert parked["name"] == "Unknown currency AS"
    assert '"currencyCode" does not match to a Currency' in parked["message"]
    assert call(customers, "parked", "retry", parked["id"]).code == 0
    systems.erp.patch(f"customers/{parked['id']}", {"currency": None})
    assert call(customers, "sync").code == 0
    assert call(customers, "parked", "--json").json["parked"] == []


# --- what keeps a pass from going on


@contextmanager
def held(project: Path) -> Iterator[None]:
    with load(project).open_store() as store, store.lock("syncline run"):
        yield


def test_two_do_not_work_on_one_store(customers: Path, tmp_path: Path) -> None:
    reviewed = tmp_path / "plan.json"
    assert call(customers, "plan", "--out", str(reviewed)).code == 0
    with held(customers):
        for command in (["sync"], ["run"], ["apply", str(reviewed)]):
            called = call(customers, *command)
            assert (called.code, called.out) == (4, "")
            assert "syncline run (process " in called.err
        for command in (["plan"], ["status"], ["links"], ["parked"]):
            assert call(customers, *command).code == 0


@pytest.mark.parametrize("fault", ["401", "409"])
def test_a_system_that_does_not_answer_as_it_should(customers: Path, systems: Systems, fault: str) -> None:
    for command in ("sync", "plan", "verify"):
        assert systems.erp.post("/sandbox/faults", {"next": [{"kind": fault, "times": 9}]}).status < 300
        refused = call(customers, command)
        assert systems.erp.post("/sandbox/faults", {"next": []}).status < 300
        assert (refused.code, refused.out) == (3, "")
        assert refused.err.startswith("Error: customerp: ")
        assert "Traceback" not in refused.err


def test_a_system_that_is_away(systems: Systems, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = Systems(systems.central, Erp(f"http://127.0.0.1:{closed.getsockname()[1]}"))
        called = call(away.project(tmp_path), "-v", "plan")
    assert (called.code, called.out) == (3, "")
    assert called.err.splitlines()[-1].startswith("Error: customerp: ")


def test_failed_tries_are_told_only_when_asked_for(customers: Path, systems: Systems) -> None:
    for options, told in ((["-v"], True), ([], False)):
        assert systems.central.post("/sandbox/faults", {"next": [{"kind": "429", "retryAfter": 0}]}).status < 300
        called = call(customers, *options, "plan")
        assert called.code == 0
        assert ("try 1 failed, the next one in 0.0 s: the system is busy (status 429)" in called.err) == told
        assert "stamina" not in called.err


def test_another_company_is_not_taken_for_this_one(customers: Path, systems: Systems, tmp_path: Path) -> None:
    reviewed = tmp_path / "plan.json"
    assert call(customers, "plan", "--out", str(reviewed)).code == 0
    told = json.loads(reviewed.read_text())
    told["systems"]["customerp"] = "elsewhere:80/api"
    reviewed.write_text(json.dumps(told))
    called = call(customers, "apply", str(reviewed))
    assert (called.code, called.out) == (3, "")
    assert "The plan is for other systems" in called.err


@pytest.mark.parametrize("text", ["", "{}", '{"made": "2026-01-01T00:00:00Z", "systems": {}, "rows": [], "more": 1}'])
def test_a_file_that_is_no_plan(customers: Path, systems: Systems, tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    before = systems.requests
    called = call(customers, "apply", str(tmp_path / "plan.json"))
    assert called.code == 2
    assert "plan.json is no plan of this Syncline" in called.err
    assert systems.requests == before
    assert call(customers, "apply", str(tmp_path / "none.json")).code == 2


def test_a_person_says_which_records_are_the_same(systems: Systems, project: Path) -> None:
    """What only looks alike is never linked by itself, and by one command where somebody knows."""
    for name in ("Café Lumière", "Café Noir"):
        systems.erp.made("customers", name=name, address={"postalCode": "69003"}, phone="+33472000000")
        systems.central.made("customers", {"displayName": name, "postalCode": "69003", "city": "Lyon"})
    call(project, "sync")
    parked = call(project, "parked", "--cause", "suggested", "--json").json["parked"]
    assert [each["name"] for each in parked].count("Café Lumière") == 2
    joined = call(project, "link", "Café Lumière", "--json").json
    assert set(joined["members"]) == {"customerp", "businesscentral"}
    assert "syncline link" in call(project, "parked").err
    noir = next(each for each in parked if each["name"] == "Café Noir")
    (candidate,) = noir["details"]["candidates"]
    assert candidate["name"] == "Café Noir"
    assert {"name", "postalCode"} <= set(candidate["same"])
    assert "% " + candidate["record"] in " ".join(call(project, "parked").out.split())
    other = next(f"{side}/customers/{id_}" for side, id_ in joined["members"].items() if side != noir["side"])
    mistaken = call(project, "link", noir["record"], other)
    assert (mistaken.code, "is to be linked by the next pass already" in mistaken.err) == (2, True)
    assert call(project, "link", noir["record"]).code == 0  # only one other looks like it
    call(project, "sync")
    ours = {c["name"]: c for c in systems.erp.get("customers?limit=500").items}
    assert ours["Café Lumière"]["address"]["city"] == ours["Café Noir"]["address"]["city"] == "Lyon"
    assert not call(project, "parked", "--cause", "suggested", "--json").json["parked"]
    told = call(project, "history", "Café Lumière")
    assert "linked: by a person" in told.out
    mistaken = call(project, "link", noir["record"], other)
    assert (mistaken.code, "has a link already with" in mistaken.err) == (2, True)
    assert call(project, "unlink", "Café Noir").code == 0
    assert call(project, "sync").code == 0
    for called in (call(project, "parked", "--cause", "unlinked"), call(project, "history", noir["record"])):
        assert "was unlinked from" in called.out
    assert call(project, "unlink", noir["record"]).code == 2
