"""``syncline doctor``: what is well, what is wrong, and what would mend it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.calling import Systems, call, edit, free_port


def wrong(called_out: str) -> list[str]:
    return [line for line in called_out.splitlines() if line.startswith("WRONG")]


def test_all_is_well_between_two_systems_that_answer(project: Path, systems: Systems) -> None:
    called = call(project, "doctor")
    assert called.code == 0
    assert wrong(called.out) == []
    assert f"well   businesscentral: sign-in: it is {systems.central.name} (" in called.out
    for flow in ("customers", "contacts", "products", "orders"):
        for side in ("customerp", "businesscentral"):
            assert f"well   {side}: {flow}: " in called.out
    assert "well   businesscentral: codes: itemCategories (" in called.out
    assert re.search(r"businesscentral: clock: it answers; its clock is \d s (ahead|behind)", called.out)
    assert called.err == "\nAll is well. What may be written, syncline accept tries in a test company.\n"
    told = call(project, "doctor", "--json").json
    assert told["good"]
    assert len(told["checks"]) == len(called.lines)


def test_a_system_that_does_not_answer_does_not_keep_the_others_from_being_looked_at(project: Path) -> None:
    edit(project / "syncline.yaml", "    url: http://127.0.0.1:", "    url: http://127.0.0.1:1/nothing-")
    called = call(project, "doctor")
    assert called.code == 3
    assert any("customerp: connection: http://127.0.0.1:1/nothing-" in line for line in wrong(called.out))
    assert "Look at the address, and whether this machine may reach it." in called.out
    assert "well   businesscentral: orders: " in called.out
    assert "to be mended." in called.err


def test_a_secret_that_is_not_set_is_named_and_nothing_else_of_its_system_is_tried(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODY_KNOWS", raising=False)
    edit(project / "syncline.yaml", "    declaration:", "    secrets: {token: NOBODY_KNOWS}\n    declaration:")
    called = call(project, "doctor")
    assert wrong(called.out) == ["WRONG  customerp: secrets: NOBODY_KNOWS is not set"]
    assert "customerp: products" not in called.out


def test_a_company_other_than_the_remembered_one_is_told(project: Path, systems: Systems) -> None:
    assert call(project, "sync").code == 0
    edit(project / "syncline.yaml", systems.erp.address, systems.erp.address.replace("127.0.0.1", "localhost"))
    called = call(project, "doctor")
    assert called.code == 3
    (line,) = wrong(called.out)
    assert line.startswith(f"WRONG  customerp: company: the store is about {systems.erp.address[7:]}")
    assert "give this one a store of its own" in called.out


def test_a_clock_that_is_off_is_told(project: Path, systems: Systems) -> None:
    assert systems.central.post("/sandbox/clock", {"offsetSeconds": 3_600}).status < 300
    try:
        called = call(project, "doctor")
    finally:
        assert systems.central.post("/sandbox/clock", {"offsetSeconds": 0}).status < 300
    (line,) = wrong(called.out)
    assert re.search(r"businesscentral: clock: it answers; its clock is (3600|3599) s ahead", line)
    assert "Set this machine's clock, or that system's: edits are compared by their times." in called.out


def test_what_a_system_does_not_have_is_told_in_its_words(project: Path) -> None:
    edit(project / "connectors/customerp.yaml", "  products:\n", "  products:\n    path: productz\n")
    called = call(project, "doctor")
    assert called.code == 3
    assert [line.split(": ")[:2] for line in wrong(called.out)] == [["WRONG  customerp", "products"]]


SECRET = "SYNCLINE_TEST_HOOKS"


def _with_webhooks(project: Path, url: str, listen: str) -> None:
    file = project / "syncline.yaml"
    file.write_text(f"{file.read_text()}\nwebhooks: {{url: '{url}', secret: {SECRET}, listen: '{listen}'}}\n")


def test_whether_webhooks_reach_this_project_is_tried(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "x" * 24)
    at = f"127.0.0.1:{free_port()}"
    _with_webhooks(project, f"http://{at}/hooks", at)
    called = call(project, "doctor")
    assert called.code == 0
    for side in ("customerp", "businesscentral"):
        assert f"well   {side}: webhooks: a call to http://{at}/hooks/{side} comes here" in called.out


def test_webhooks_that_end_elsewhere_are_told(project: Path, systems: Systems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "x" * 24)
    at = f"127.0.0.1:{free_port()}"
    _with_webhooks(project, f"{systems.erp.address}/hooks", at)
    called = call(project, "doctor")
    assert called.code == 3
    assert len(wrong(called.out)) == 2
    assert "answers with status 404, and is not this project's syncline run" in called.out
    assert f"must pass calls on to {at}" in called.out


def test_a_webhook_secret_that_could_be_guessed_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "short")
    _with_webhooks(project, "https://sync.example.com", "127.0.0.1:1")
    called = call(project, "doctor")
    (line,) = wrong(called.out)
    assert line == f"WRONG  webhooks: the environment variable {SECRET} is shorter than 24 characters."
    assert "openssl rand -base64 32" in called.out
