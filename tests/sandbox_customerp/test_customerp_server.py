from __future__ import annotations

import http.client
import socket
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox_customerp.erp import CUT, Erp, running, started

TOKEN = "t0ken-ö"


def refused(*options: str, token: str | None = None) -> str:
    """What the command says when it does not start."""
    process = started(*options, token=token)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Traceback" not in said
    return said


# --- starting


def test_nobody_could_sign_in(tmp_path: Path) -> None:
    for token in (None, ""):
        said = refused("--empty", token=token)
        assert said.startswith("Error: nobody could sign in")
        assert "SYNCLINE_CUSTOMERP_TOKEN" in said
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize("options", [["--prot", "1"], ["--port", "x"], ["--port", "65536"], ["--data", "/"]])
def test_a_bad_flag_is_named(options: list[str]) -> None:
    said = refused("--open", *options)
    assert options[0] in said
    assert len(said.splitlines()) == 1


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = refused("--open", "--port", str(port))
    assert f"port {port}" in said
    assert len(said.splitlines()) == 1


def test_a_file_that_is_no_data_of_this_sandbox_is_left_alone(tmp_path: Path) -> None:
    corrupt, foreign = tmp_path / "corrupt", tmp_path / "foreign"
    corrupt.write_bytes(b"no database at all" * 100)
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE mine (a)")
        database.execute("PRAGMA user_version = 1")
    database.close()
    before = corrupt.read_bytes(), foreign.read_bytes()
    for file in (corrupt, foreign, tmp_path / "no" / "folder"):
        said = refused("--open", "--data", str(file))
        assert f"{file} cannot be used" in said
        assert len(said.splitlines()) == 1
    assert (corrupt.read_bytes(), foreign.read_bytes()) == before


def test_one_data_file_has_one_sandbox(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with running(tmp_path, "--open", "--data", data):
        assert "locked" in refused("--open", "--data", data)


def test_the_data_outlives_a_crash(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    key = {"Idempotency-Key": "k"}
    with running(tmp_path, "--open", "--empty", "--data", data, kill=True) as erp:
        made = erp.post("customers", {"name": "a"}, key).record
        gone = erp.made("contacts", contactNo="P00001")
        erp.delete(f"contacts/{gone['id']}")
        middle = erp.position()
        made2 = erp.patch(f"customers/{made['id']}", {"name": "b"}, made["etag"]).record
    with running(tmp_path, "--open", "--data", data) as erp:
        assert erp.get("customers").items == [made2]
        again = erp.post("customers", {"name": "a"}, key)
        assert (again.record, again.headers["idempotent-replay"]) == (made, "true")
        assert [item["id"] for item in erp.get("changes", since=middle).items] == [made["id"]]
        assert erp.made("contacts")["contactNo"] == "P00002"
        assert erp.made("customers")["etag"] not in {made["etag"], made2["etag"]}


@pytest.mark.parametrize(("hours", "replayed"), [(7 * 24 - 1, True), (7 * 24 + 1, False)])
def test_a_create_is_remembered_by_its_key_for_7_days(tmp_path: Path, hours: int, replayed: bool) -> None:
    data = str(tmp_path / "data")
    key = {"Idempotency-Key": "k"}
    with running(tmp_path, "--open", "--empty", "--data", data) as erp:
        made = erp.post("customers", {"name": "a"}, key).record
    past = datetime.now(UTC) - timedelta(hours=hours)
    with sqlite3.connect(data) as database:
        database.execute(
            "UPDATE creation SET at = ?", (past.isoformat(timespec="milliseconds").replace("+00:00", "Z"),)
        )
    database.close()
    with running(tmp_path, "--open", "--data", data) as erp:
        assert (erp.post("customers", {"name": "a"}, key).record == made) == replayed
        assert len(erp.get("customers").items) == (1 if replayed else 2)


def test_a_new_sandbox_has_a_small_company_unless_empty(tmp_path: Path) -> None:
    with running(tmp_path, "--open") as erp:
        counts = {entity: len(erp.get(entity).items) for entity in ("customers", "contacts", "products", "orders")}
        assert counts == {"customers": 20, "contacts": 20, "products": 20, "orders": 15}
        assert all(order["lines"] for order in erp.get("orders").items)
        assert len(erp.get("changes").items) == 75
    with running(tmp_path, "--open", "--empty") as erp:
        assert erp.get("changes").items == []


# --- signing in


def test_without_the_token_nothing_is_answered(tmp_path: Path) -> None:
    with running(tmp_path, token=TOKEN) as erp:
        for shown in (None, f"Basic {TOKEN}", "Bearer", "Bearer wrong", f"Bearer {TOKEN}x"):
            header = {} if shown is None else {"Authorization": shown.encode().decode("latin-1")}
            reply = erp.call("GET", "customers", headers=header)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert erp.call("POST", "customers", {}, header).status == 401
        for scheme in ("Bearer", "bearer"):
            header = {"Authorization": f"{scheme} {TOKEN}".encode().decode("latin-1")}
            assert len(erp.call("GET", "customers", headers=header).items) == 20
        document = erp.get("/openapi.json").record
        assert document["security"] == [{"bearer": []}]
        assert "401" in document["paths"]["/api/customers"]["get"]["responses"]


# --- faults


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erp]:
    with running(tmp_path_factory.mktemp("faulty"), "--open", "--empty") as sandbox:
        yield sandbox


def order_faults(erp: Erp, *wanted: dict[str, Any]) -> None:
    assert erp.post("/sandbox/faults", {"next": list(wanted)}).status == 200


def test_a_status_is_answered_as_often_as_it_was_ordered(faulty: Erp) -> None:
    order_faults(faulty, {"kind": "429", "match": "customers", "method": "POST", "times": 2, "retryAfter": 1})
    assert faulty.get("customers").status == 200
    assert faulty.post("products", {}).status == 201
    start = faulty.position()
    for _ in range(2):
        refusal = faulty.post("customers", {})
        assert (refusal.status, refusal.headers["retry-after"], refusal.body["status"]) == (429, "1", 429)
    assert faulty.position() == start
    assert faulty.post("customers", {}).status == 201


@pytest.mark.parametrize("status", ["401", "500", "503"])
def test_a_fault_may_let_requests_pass_first(faulty: Erp, status: str) -> None:
    order_faults(faulty, {"kind": status, "match": "products", "after": 1})
    assert [faulty.get("products").status for _ in range(3)] == [200, int(status), 200]


@pytest.mark.parametrize(("kind", "kept"), [("drop-before", 0), ("drop-after", 1)])
def test_a_connection_is_cut_before_or_after_the_write(faulty: Erp, mark: str, kind: str, kept: int) -> None:
    order_faults(faulty, {"kind": kind, "match": "customers", "method": "POST"})
    key = {"Idempotency-Key": mark}
    with pytest.raises(CUT):
        faulty.post("customers", {"name": mark}, key)
    assert len(faulty.get("customers", name=mark).items) == kept
    again = faulty.post("customers", {"name": mark}, key)
    assert ("idempotent-replay" in again.headers) == bool(kept)
    assert faulty.get("customers", name=mark).items == [again.record]


def test_a_write_may_be_kept_and_answered_with_500(faulty: Erp, mark: str) -> None:
    order_faults(faulty, {"kind": "500-after", "match": "customers", "method": "POST"})
    assert faulty.post("customers", {"name": mark}, {"Idempotency-Key": mark}).status == 500
    assert len(faulty.get("customers", name=mark).items) == 1


def test_an_answer_may_come_late(faulty: Erp) -> None:
    order_faults(faulty, {"kind": "latency", "seconds": 0.2})
    begun = time.monotonic()
    assert faulty.get("customers").status == 200
    assert time.monotonic() - begun >= 0.2


def test_an_answer_may_be_cut_in_its_middle(faulty: Erp) -> None:
    order_faults(faulty, {"kind": "cut-halfway", "match": "products", "method": "POST"})
    with pytest.raises(http.client.IncompleteRead):
        faulty.post("products", {})


def test_faults_may_come_by_chance_and_are_repeated_by_the_seed(faulty: Erp) -> None:
    def statuses(seed: int) -> list[int]:
        chances = {"seed": seed, "faults": [{"kind": "503", "rate": 0.5}]}
        assert faulty.post("/sandbox/faults", {"next": [], "random": chances}).status == 200
        return [faulty.get("products").status for _ in range(30)]

    assert statuses(1) == statuses(1) != statuses(2)
    order_faults(faulty)


def test_what_only_another_sandbox_can_show_is_refused(faulty: Erp) -> None:
    assert faulty.post("/sandbox/faults", {"next": [{"kind": "dead-link"}]}).status == 400


def test_faults_that_are_none_are_refused_and_told(faulty: Erp) -> None:
    order_faults(faulty, {"kind": "500", "match": "x"})
    assert faulty.post("/sandbox/faults", {"next": [{"kind": "teapot"}]}).status == 400
    assert faulty.post("/sandbox/faults", {"next": [{"kind": "500", "tmies": 1}]}).status == 400
    assert [fault["match"] for fault in faulty.get("/sandbox/faults").record["next"]] == ["x"]
    order_faults(faulty)


def test_requests_are_counted_by_kind(faulty: Erp) -> None:
    record = faulty.made("customers")
    assert faulty.post("/sandbox/requests/reset", {}).status == 204
    faulty.get(f"customers/{record['id']}")
    faulty.get("customers", limit=1)
    faulty.get("customers")
    faulty.get("changes")
    assert faulty.get("/sandbox/requests").record == {
        "total": 4,
        "requests": {"GET customers/{id}": 1, "GET customers": 2, "GET changes": 1},
    }
