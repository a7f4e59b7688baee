from __future__ import annotations

import base64
import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox_businesscentral.central import CUT, Central, Reply, running, started

_SCOPE = "https://api.businesscentral.dynamics.com/.default"
_CLIENT = {"SYNCLINE_SANDBOX_CLIENT_ID": "client", "SYNCLINE_SANDBOX_CLIENT_SECRET": "s3cret"}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with running(tmp_path_factory.mktemp("faulty"), "--open", "--empty") as sandbox:
        yield sandbox


def faults(central: Central, *wanted: dict[str, Any]) -> None:
    assert central.post("/sandbox/faults", {"next": list(wanted)}).status == 200


def test_a_status_is_answered_as_often_as_it_was_ordered(faulty: Central) -> None:
    faults(faulty, {"kind": "429", "match": "customers", "method": "POST", "times": 2, "retryAfter": 1})
    assert faulty.get("customers").status == 200
    assert faulty.post("items", {}).status == 201
    for _ in range(2):
        refused = faulty.post("customers", {"displayName": "x"})
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert faulty.post("customers", {"displayName": "x"}).status == 201


@pytest.mark.parametrize("status", ["401", "500", "503"])
def test_a_fault_may_let_requests_pass_first(faulty: Central, status: str) -> None:
    faults(faulty, {"kind": status, "match": "items", "after": 1})
    assert [faulty.get("items").status for _ in range(3)] == [200, int(status), 200]


def test_a_connection_is_cut_before_or_after_the_write(faulty: Central) -> None:
    for kind, kept in (("drop-before", 0), ("drop-after", 1)):
        before = faulty.get("itemCategories/$count").body
        faults(faulty, {"kind": kind, "match": "itemCategories", "method": "POST"})
        with pytest.raises(CUT):
            faulty.post("itemCategories", {"code": kind, "displayName": kind})
        assert faulty.get("itemCategories/$count").body == before + kept


def _batch(company: str, code: str) -> dict[str, object]:
    url = f"companies({company})/itemCategories"
    return {"requests": [{"id": "1", "method": "POST", "url": url, "body": {"code": code, "displayName": "x"}}]}


def test_a_batch_is_cut_after_it_was_done(faulty: Central) -> None:
    faults(faulty, {"kind": "drop-after", "match": "$batch"})
    with pytest.raises(CUT):
        faulty.post("/$batch", _batch(faulty.company, "cut"))
    assert len(faulty.get("itemCategories?$filter=code eq 'CUT'").value) == 1


def test_a_write_may_be_kept_and_answered_with_500(faulty: Central) -> None:
    faults(faulty, {"kind": "500-after", "match": "itemCategories"}, {"kind": "500-after", "match": "$batch"})
    assert faulty.post("itemCategories", {"code": "ALONE", "displayName": "x"}).status == 500
    assert faulty.post("/$batch", _batch(faulty.company, "BATCH")).status == 500
    assert len(faulty.get("itemCategories?$filter=code eq 'ALONE' or code eq 'BATCH'").value) == 2


def test_an_operation_of_a_batch_meets_its_fault(faulty: Central) -> None:
    url = f"companies({faulty.company})/items"
    faults(faulty, {"kind": "503", "match": "/items"})
    operations = [{"id": str(number), "method": "GET", "url": url} for number in range(2)]
    reply = faulty.post("/$batch", {"requests": operations}, {"Prefer": "odata.continue-on-error"})
    assert [each["status"] for each in reply.body["responses"]] == [503, 200]


def test_latency_delays_an_answer(faulty: Central) -> None:
    faults(faulty, {"kind": "latency", "seconds": 0.3})
    began = time.monotonic()
    assert faulty.get("items").status == 200
    assert time.monotonic() - began >= 0.3


def test_orders_that_are_no_faults_are_refused(faulty: Central) -> None:
    for body in ({}, {"next": [{"kind": "418"}]}, {"next": [{"kind": "500", "often": 2}]}):
        assert faulty.post("/sandbox/faults", body).status == 400
    assert faulty.get("/sandbox/faults").body == {"next": []}


def test_requests_are_counted_by_kind_and_operations_apart(faulty: Central) -> None:
    item = faulty.made("items", {})
    assert faulty.post("/sandbox/requests/reset", {}).status == 204
    faulty.get("items?$top=1")
    faulty.get(f"items({item['id']})")
    faulty.get(f"items({item['id']})/itemVariants")
    url = f"companies({faulty.company})/items"
    operations = [{"id": str(number), "method": "GET", "url": f"{url}?$top=1"} for number in range(3)]
    faulty.post("/$batch", {"requests": operations})
    assert faulty.get("/sandbox/requests").body == {
        "total": 4,
        "requests": {"GET items": 1, "GET items()": 1, "GET items()/itemVariants": 1, "POST $batch": 1},
        "operations": {"GET items": 3},
        "signIns": 0,
    }


def _token(central: Central, **changed: str) -> Reply:
    form = {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": "s3cret",
        "scope": _SCOPE,
    } | changed
    asked = urllib.request.Request(
        f"{central.address}/local/oauth2/v2.0/token", data=urllib.parse.urlencode(form).encode(), method="POST"
    )
    try:
        with urllib.request.urlopen(asked) as answer:
            return Reply(answer.getcode(), json.loads(answer.read()), {})
    except urllib.error.HTTPError as refused:
        with refused:
            return Reply(refused.code, json.loads(refused.read()), {})


def test_client_credentials_give_a_token_that_does_not_last(tmp_path: Path) -> None:
    with running(tmp_path, "--empty", "--token-seconds", "60", environment=_CLIENT) as sandbox:
        refused = sandbox.get("/companies")
        assert (refused.status, refused.code) == (401, "Authentication_InvalidCredentials")
        assert _token(sandbox, client_secret="wrong").body["error"] == "invalid_client"
        assert _token(sandbox, client_id="other").status == 401
        assert _token(sandbox, grant_type="password").body["error"] == "unsupported_grant_type"
        assert _token(sandbox, scope="everything").body["error"] == "invalid_scope"
        sandbox.headers["Authorization"] = f"Bearer {_token(sandbox).body['access_token']}"
        assert sandbox.get("/companies").status == 200
        sandbox.post("/sandbox/clock", {"advanceSeconds": 61})
        assert sandbox.get("/companies").code == "Authentication_InvalidCredentials"
        sandbox.headers["Authorization"] = f"Bearer {_token(sandbox).body['access_token']}"
        assert sandbox.get("/companies").status == 200
        assert sandbox.get("/sandbox/requests").body["signIns"] == 6


def test_a_user_signs_in_with_a_password(tmp_path: Path) -> None:
    options = ("--empty", "--user", "sync", "--password-env", "KEY")
    with running(tmp_path, *options, environment={"KEY": "web-key"}) as sandbox:
        for text, status in (("sync:web-key", 200), ("sync:other", 401), ("other:web-key", 401), ("é", 401)):
            header = "Basic " + base64.b64encode(text.encode("latin-1")).decode()
            assert sandbox.get("/companies", {"Authorization": header}).status == status
        assert sandbox.get("/companies", {"Authorization": "Basic !"}).status == 401


def test_a_client_may_choose_the_id_where_that_is_switched_on(tmp_path: Path) -> None:
    wanted = "5f1e0c6a-1111-4222-8333-444455556666"
    with running(tmp_path, "--open", "--empty", "--client-ids") as sandbox:
        assert sandbox.made("items", {"id": wanted})["id"] == wanted


def test_data_outlives_the_server(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    with running(tmp_path, "--open", "--empty", "--data", str(data)) as first:
        item = first.made("items", {"displayName": "kept"})
        company = first.company
    with running(tmp_path, "--open", "--data", str(data)) as second:
        assert second.company == company
        assert second.get(f"items({item['id']})").body["displayName"] == "kept"
        later = second.made("items", {})
        assert later["number"] > item["number"]
        assert later["lastModifiedDateTime"] >= item["lastModifiedDateTime"]
        assert later["@odata.etag"] != item["@odata.etag"]


def _refused(*options: str, environment: dict[str, str] | None = None) -> str:
    process = started(*options, environment=environment)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert len(said.strip().splitlines()) == 1, said
    return said


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = _refused("--open", "--empty", "--port", str(taken.getsockname()[1]))
    assert "is taken by another program" in said


def test_a_data_file_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(b"no database at all, and long enough to be sure of it" * 40)
    assert "cannot be used as the data" in _refused("--open", "--data", str(corrupt))
    assert "cannot be used as the data" in _refused("--open", "--data", str(tmp_path / "nowhere" / "x.db"))
    assert "directory" in _refused("--open", "--data", str(tmp_path))
    with running(tmp_path, "--open", "--empty", "--data", str(tmp_path / "used.db")):
        assert "locked" in _refused("--open", "--data", str(tmp_path / "used.db"))


def test_a_data_file_that_was_damaged_is_told_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "central.db"
    with running(tmp_path, "--open", "--empty", "--data", str(data)):
        pass
    whole = data.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:4096], whole[:4096] + b"\xff" * 4096 + whole[8192:]):
        data.write_bytes(damaged)
        assert "malformed" in _refused("--open", "--data", str(data))


def test_the_data_file_holds_everything_once_the_server_has_stopped(tmp_path: Path) -> None:
    data, copy = tmp_path / "central.db", tmp_path / "copy.db"
    with running(tmp_path, "--open", "--empty", "--data", str(data)) as first:
        item = first.made("items", {})
    copy.write_bytes(data.read_bytes())
    with running(tmp_path, "--open", "--data", str(copy)) as second:
        assert second.get(f"items({item['id']})").status == 200


def test_a_ready_file_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    assert "cannot be written" in _refused("--open", "--empty", "--ready-file", str(tmp_path / "nowhere" / "ready"))


def test_a_sandbox_nobody_could_use_does_not_start() -> None:
    assert "nobody could sign in" in _refused("--empty", environment={"SYNCLINE_SANDBOX_CLIENT_ID": ""})
    assert "--password-env" in _refused("--empty", "--user", "sync")
    half = {"SYNCLINE_SANDBOX_CLIENT_ID": "client", "SYNCLINE_SANDBOX_CLIENT_SECRET": ""}
    assert "SYNCLINE_SANDBOX_CLIENT_SECRET" in _refused("--empty", environment=half)


def test_a_faults_file_that_is_of_no_use_is_told_in_one_line(tmp_path: Path) -> None:
    chosen = tmp_path / "faults.json"
    assert "cannot be read: No such file" in _refused("--open", "--faults", str(chosen))
    assert "--faults" in _refused("--open", "--faults-seed", "1")
    for text, why in (
        ("no JSON", "malformed"),
        ("{}", "missing required field `next`"),
        ('{"next": [{"kind": "418"}]}', "418"),
        ('{"next": []}', "random"),
    ):
        chosen.write_text(text)
        said = _refused("--open", "--faults", str(chosen), "--faults-seed", "1")
        assert str(chosen) in said
        assert why in said


def test_a_bad_flag_is_told_in_one_line() -> None:
    for option, value in (
        ("--port", "many"),
        ("--port", "70000"),
        ("--token-seconds", "soon"),
        ("--faults-seed", "x"),
        ("--clock-offset", "1e99"),
    ):
        assert option in _refused("--open", option, value)
    for value in ("nan", "inf", "0", "-1"):
        assert "--token-seconds" in _refused("--open", "--token-seconds", value)
    assert "--prot" in _refused("--open", "--prot", "1")
    assert "argument" in _refused("--open", "surplus")
