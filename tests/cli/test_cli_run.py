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
from typing import IO, Any

from cli.calling import Systems, edit, started
from sandbox_customerp import erp


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
        assert away.endswith("The next try is in 0.1 s.\n")
        assert until(process.stderr, "The next try is in").endswith("The next try is in 0.2 s.\n")
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
