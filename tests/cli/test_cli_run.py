"""``run``: passes that go on until it is told to stop, whatever becomes of the systems meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, get_args
from urllib.request import urlopen

from cli.calling import Systems, call, edit, free_port, started, with_webhooks
from sandbox_customerp import erp
from syncline.project.scaffold import scaffold
from syncline.runtime.telling import Event


@contextmanager
def running(project: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = started(project, "run", "--every", "0.1", *options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def until(stream: IO[str] | None, text: str) -> str:
    """The next line that has the text."""
    assert stream is not None
    for line in stream:
        if text in line:
            return line
    raise AssertionError(f"it ended without telling {text!r}")


def test_every_pass_is_a_line_and_a_signal_ends_it_cleanly(systems: Systems, project: Path) -> None:
    with running(project, "--json") as process:
        assert process.stdout
        first: dict[str, Any] = json.loads(process.stdout.readline())
        assert set(first) == {"at", "flows", "writes", "unfinished", "void", "held"}
        assert set(first["flows"]) == {"customers", "products", "contacts", "orders"}
        systems.erp.made("customers", name="Made while it ran")
        made = json.loads(until(process.stdout, '"created":{"customerp":0,"businesscentral":1}'))
        linked = [told["flows"]["customers"]["now"]["linked"] for told in (first, made)]
        assert linked == [linked[0], linked[0] + 1]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert all(json.loads(line)["unfinished"] == [] for line in out.splitlines())
    assert err.endswith("Stopped.\n")


def test_people_read_of_passes_that_did_something(systems: Systems, project: Path) -> None:
    systems.central.made("customers", {"displayName": "Made before it ran"})
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/customers.yaml]")  # other tests leave other records
    with running(project) as process:
        assert re.search(r"\d created in customerp", until(process.stdout, " customers: "))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out == ""


def test_a_system_that_is_away_is_waited_for(systems: Systems, tmp_path: Path) -> None:
    kept = ("--open", "--empty", "--data", str(tmp_path / "erp.db"))
    with contextlib.ExitStack() as stack:
        with erp.running(tmp_path, *kept) as first:
            project = Systems(systems.central, first).project(tmp_path / "project")
            edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
            process = stack.enter_context(running(project))
            first.made("products", sku="P1", name="Made while both were there")
            until(process.stdout, " 1 created in businesscentral")
        away = until(process.stderr, "The next try is in")
        assert "customerp: " in away
        pauses = [float(line.split()[-2]) for line in (away, until(process.stderr, "The next try is in"))]
        assert [round(pause / 0.1) for pause in pauses] == [1, 2]
        with erp.running(tmp_path, *kept, "--port", first.address.rpartition(":")[2]) as second:
            until(process.stderr, "It works again.")
            second.made("products", sku="P2", name="Made after it was away")
            until(process.stdout, " 1 created in businesscentral")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_refused_sign_in_ends_it(systems: Systems, project: Path) -> None:
    with running(project, "--json") as process:
        assert process.stdout
        process.stdout.readline()
        assert systems.erp.post("/sandbox/faults", {"next": [{"kind": "401", "times": 99}]}).status < 300
        _, err = process.communicate(timeout=20)
    assert systems.erp.post("/sandbox/faults", {"next": []}).status < 300
    assert process.returncode == 3
    assert err.splitlines()[-1].startswith("Error: customerp: ")


def test_what_is_announced_is_told_and_arrives_at_once(systems: Systems, project: Path) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    listen = with_webhooks(project)
    made = systems.central.made("items", {"displayName": "Made before it ran"})
    assert systems.central.post("/sandbox/notifications", {"windowSeconds": 0}).status < 300
    process = started(project, "run", "--every", "3600", "--sweep", "3600", environment={"HOOKS": "x" * 24})
    try:
        until(process.stderr, f"Webhooks for http://{listen} are heard at http://{listen}/")
        until(process.stderr, "businesscentral announces its changes of items.")
        until(process.stdout, " created in customerp")
        systems.central.patch(f"items({made['id']})", {"displayName": "Called otherwise"})
        until(process.stdout, "products: 1 updated in customerp")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert process.returncode == 0


def test_webhooks_need_their_secret(project: Path) -> None:
    file = project / "syncline.yaml"
    file.write_text(f"{file.read_text()}\nwebhooks: {{url: 'http://127.0.0.1:1', secret: NOBODY_KNOWS_IT}}\n")
    with running(project) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "webhooks.secret: webhooks need the environment variable NOBODY_KNOWS_IT, which is not set. Set it." in err


def test_whoever_watches_is_answered(systems: Systems, project: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    file = project / "syncline.yaml"
    file.write_text(f"{file.read_text()}\nhealth: {{listen: '{listen}'}}\n")
    with running(project, "--json") as process:
        assert process.stdout
        process.stdout.readline()
        with urlopen(f"http://{listen}/health") as answer:
            assert json.load(answer)["status"] in ("ok", "degraded")  # other tests leave other records
        with urlopen(f"http://{listen}/metrics") as answer:
            assert b'syncline_passes_total{outcome="done"}' in answer.read()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"How it does is told at http://{listen}/health and http://{listen}/metrics" in err


def test_a_log_for_machines_is_an_object_a_line_and_tells_nothing_that_a_record_holds(
    systems: Systems, project: Path
) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    made = systems.central.made("items", {"displayName": "Unspeakable"})
    with running(project, "--log", "json") as process:
        until(process.stderr, "run.started")
        told = json.loads(until(process.stderr, "record.created"))
        assert {"at", "level", "event", "flow", "side", "id", "link"} <= set(told)
        done = json.loads(until(process.stderr, "pass.done"))
        assert (done["level"], done["kind"]) == ("info", "sweep")
        systems.central.patch(f"items({made['id']})", {"displayName": "Unspeakable as well"})
        updated = json.loads(until(process.stderr, "record.updated"))
        assert (updated["flow"], updated["side"], updated["properties"]) == ("products", "customerp", ["name"])
        assert systems.erp.post("/sandbox/faults", {"next": [{"kind": "401", "times": 99}]}).status < 300
        out, err = process.communicate(timeout=20)
    assert systems.erp.post("/sandbox/faults", {"next": []}).status < 300
    assert (process.returncode, out) == (3, "")
    events = [json.loads(line) for line in err.splitlines()]
    assert (events[-1]["event"], events[-1]["level"], events[-1]["system"]) == ("run.ended", "error", "customerp")
    assert events[-1]["code"] == 3
    assert "Unspeakable" not in err


def test_a_log_for_machines_tells_passes_that_fail_and_results_stay_where_they_are(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    scaffold(tmp_path / "project", businesscentral=away, customerp=away, company=None)
    with running(tmp_path / "project", "--log", "json", "--json") as process:
        failed = json.loads(until(process.stderr, "pass.failed"))
        assert (failed["level"], failed["error"]) == ("warning", "ConnectorError")
        assert failed["message"].startswith(f"{failed['system']}: ")
        assert failed["next_seconds"] < 0.2
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert json.loads(err.splitlines()[-1])["event"] == "run.stopped"


def test_a_log_for_machines_tells_mistakes_too(project: Path) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: []")
    with running(project, "--log", "json") as process:
        _, err = process.communicate(timeout=20)
    (told,) = map(json.loads, err.splitlines())
    assert (process.returncode, told["event"], told["code"], told["error"]) == (2, "run.ended", 2, "ProjectError")


def test_every_event_is_documented() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    for event in get_args(Event):
        assert f"`{event}`" in documented, event


def test_files_that_were_changed_are_taken_up_or_refused(systems: Systems, project: Path) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    flow = project / "flows" / "products.yaml"
    whole = flow.read_text()
    flow.write_text("".join(line for line in whole.splitlines(keepends=True) if "name2:" not in line))
    assert call(project, "reload", "--json").json == {"outcome": "none"}
    with running(project) as process:
        made = systems.erp.made("products", sku="RELOAD", name="Reloaded", name2="not mapped yet")
        until(process.stdout, "created in businesscentral")
        flow.write_text(whole.replace("businesscentral: displayName2", "businesscentral: displayName22"))
        refused = call(project, "reload")
        assert refused.code == 2
        assert "displayName22" in refused.err
        flow.write_text(whole)
        taken = call(project, "reload")
        assert (taken.code, taken.err) == (0, "")
        assert taken.out == f"syncline run (process {process.pid}) runs by the files as they are now.\n"
        until(process.stderr, "The project was read again: it runs by its files as they are now.")
        until(process.stderr, "products maps name2")
        until(process.stdout, "updated in businesscentral")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err.endswith("Stopped.\n")
    theirs = systems.central.get(f"items?$filter=number eq '{made['sku']}'").value
    assert theirs[0]["displayName2"] == "not mapped yet"


def test_what_the_run_lacks_is_told_to_who_reloads(project: Path) -> None:
    edit(project / "syncline.yaml", "flows: flows", "flows: [flows/products.yaml]")
    with running(project) as process:
        until(process.stderr, "Running, every")
        file = project / "syncline.yaml"
        file.write_text(f"{file.read_text()}\nwebhooks: {{url: 'http://127.0.0.1:1', secret: NOBODY_KNOWS_IT}}\n")
        refused = call(project, "reload")
        assert refused.code == 2
        assert "NOBODY_KNOWS_IT, which is not set" in refused.err
        assert process.poll() is None
